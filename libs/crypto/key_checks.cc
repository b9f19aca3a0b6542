#include "crypto/key_checks.h"

#include <iterator>

#include "base/status.h"

namespace fate::crypto {
namespace {

struct Strength {
  int key_bits, security_bits;
};
constexpr Strength kStrengths[] = {{1024, 80},  {2048, 112}, {3072, 128},
                                   {4096, 152}, {7680, 192}, {kMaxKeyBits, 200}};

// The product of all primes below 1000.
const BigInt& SmallPrimes() {
  static const BigInt& product = *new BigInt([] {
    BigInt result(1);
    for (BigInt prime(2); prime < BigInt(1000); prime = prime.NextPrime()) result *= prime;
    return result;
  }());
  return product;
}

}  // namespace

absl::Status CheckKeyBits(int bits) {
  if (bits < kMinKeyBits) {
    return InvalidArgumentError("key size {} is too small, minimum is {}", bits, kMinKeyBits);
  }
  if (bits > kMaxKeyBits) {
    return InvalidArgumentError("key size {} is too large, maximum is {}", bits, kMaxKeyBits);
  }
  return absl::OkStatus();
}

int SecurityBits(int key_bits) {
  for (const Strength& strength : kStrengths) {
    if (key_bits <= strength.key_bits) return strength.security_bits;
  }
  return kStrengths[std::size(kStrengths) - 1].security_bits;
}

bool HasSmallFactor(const BigInt& n) { return BigInt::Gcd(n, SmallPrimes()) != BigInt(1); }

}  // namespace fate::crypto
