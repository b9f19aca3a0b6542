#pragma once

// Multiplication of many points of Curve25519 by one secret integer, one implementation for each
// instruction set. Points are u-coordinates of 32 bytes, little-endian; bit 255 is ignored and
// values of p and more are taken modulo p.

#include <stddef.h>
#include <stdint.h>

#include "crypto/cpu.h"

namespace fate::crypto::curve25519 {

// A factor below 2^bits, little-endian; bits <= 256 is public.
struct Multiplier {
  const uint8_t* bytes;
  int bits;
};

struct Message {
  const char* bytes;
  size_t size;
};

struct Kernel {
  size_t lanes;
  // out[i] = k in[i], and 0 for the point at infinity. out may be in.
  void (*multiply)(const Multiplier& k, const uint8_t* in, uint8_t* out, size_t count);
  // in[i] are field elements r: out[i] = k Elligator2(r).
  void (*map_and_multiply)(const Multiplier& k, const uint8_t* in, uint8_t* out, size_t count);
  // out[i] = the first 32 bytes of SHA-512(messages[i]), for up to `lanes` messages of up to
  // hash_size bytes. Null where OpenSSL is as fast.
  void (*hash)(const Message* messages, uint8_t* out, size_t count);
  size_t hash_size;
};

// isa: supported by this CPU (checked).
const Kernel& KernelOf(Isa isa);

extern const Kernel kGenericKernel, kAvx2Kernel, kAvx512Kernel, kIfmaKernel;

}  // namespace fate::crypto::curve25519
