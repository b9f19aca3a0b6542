#include "crypto/hash.h"

#include <openssl/sha.h>

namespace fate::crypto {

std::array<uint8_t, 32> Sha256(std::string_view message) {
  std::array<uint8_t, 32> digest;
  SHA256(reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data());
  return digest;
}

std::array<uint8_t, 64> Sha512(std::string_view message) {
  std::array<uint8_t, 64> digest;
  SHA512(reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data());
  return digest;
}

}  // namespace fate::crypto
