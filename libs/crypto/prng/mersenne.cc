#include "crypto/prng/mersenne.h"

namespace fate::crypto {

double NumpyUniform(std::mt19937& twister) {
  const uint64_t high = twister() >> 5, low = twister() >> 6;
  return static_cast<double>(high << 26 | low) * 0x1p-53;
}

float TorchUniform(std::mt19937& twister) {
  return static_cast<float>(twister() & 0xffffff) * 0x1p-24F;
}

int64_t TorchRandInt(std::mt19937& twister, int64_t low, int64_t high) {
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  const uint64_t first = twister(), second = twister();
  return static_cast<int64_t>((first << 32 | second) % range + static_cast<uint64_t>(low));
}

}  // namespace fate::crypto
