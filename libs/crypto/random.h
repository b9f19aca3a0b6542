#pragma once

// Cryptographic randomness: OpenSSL's generator of the calling thread (seeded by the operating
// system, aware of fork). Without entropy there is nothing safe to do: the process aborts.

#include <cstddef>
#include <cstdint>
#include <string>

#include "crypto/big_int.h"

namespace fate::crypto {

class Random {
 public:
  static void Fill(void* bytes, size_t size);
  static std::string Bytes(size_t size);
  static uint64_t Uint64();
  // Uniform in [0, 2^bits).
  static BigInt Bits(int bits);
  // Uniform in [0, bound); bound > 0.
  static BigInt Below(const BigInt& bound);
};

}  // namespace fate::crypto
