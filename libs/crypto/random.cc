#include "crypto/random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cstdio>
#include <cstdlib>

namespace fate::crypto {

void Random::Fill(void* bytes, size_t size) {
  if (RAND_priv_bytes(static_cast<unsigned char*>(bytes), static_cast<int>(size)) != 1) {
    std::fputs("the operating system gave no randomness; cannot go on safely\n", stderr);
    std::abort();
  }
}

std::string Random::Bytes(size_t size) {
  std::string bytes(size, '\0');
  Fill(bytes.data(), size);
  return bytes;
}

uint64_t Random::Uint64() {
  uint64_t value;
  Fill(&value, sizeof(value));
  return value;
}

BigInt Random::Bits(int bits) {
  const int bytes = (bits + 7) / 8;
  std::string drawn = Bytes(static_cast<size_t>(bytes));  // may become a key: not left behind
  BigInt value = BigInt::FromBytes(drawn) >> (8 * bytes - bits);
  OPENSSL_cleanse(drawn.data(), drawn.size());
  return value;
}

BigInt Random::Below(const BigInt& bound) {
  while (true) {
    BigInt value = Bits(bound.BitLength());
    if (value < bound) return value;
    value.Wipe();
  }
}

}  // namespace fate::crypto
