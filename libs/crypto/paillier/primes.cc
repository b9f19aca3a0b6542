#include "crypto/paillier/primes.h"

#include <vector>

#include "crypto/random.h"

namespace fate::crypto {
namespace {

constexpr uint32_t kSieveBound = 1 << 17;
// Candidates looked at after one random number: a run without primes is hardly ever as long.
constexpr size_t kCandidates = 1 << 15;

// Odd primes below kSieveBound.
const std::vector<uint32_t>& SievePrimes() {
  static const auto& primes = *new std::vector<uint32_t>([] {
    std::vector<bool> composite(kSieveBound);
    std::vector<uint32_t> result;
    for (uint32_t i = 3; i < kSieveBound; i += 2) {
      if (composite[i]) continue;
      result.push_back(i);
      for (uint64_t multiple = uint64_t{i} * i; multiple < kSieveBound; multiple += 2 * i) {
        composite[multiple] = true;
      }
    }
    return result;
  }());
  return primes;
}

// A random number of `bits` bits, 3 mod 4, the two top bits set.
BigInt RandomStart(int bits) {
  BigInt start = Random::Bits(bits);
  for (const int bit : {bits - 1, bits - 2, 1, 0}) {
    mpz_setbit(start.mpz(), static_cast<mp_bitcnt_t>(bit));
  }
  return start;
}

// Entry k: start + 4 k has a factor in SievePrimes().
std::vector<bool> Sieve(const BigInt& start) {
  std::vector<bool> composite(kCandidates);
  for (const uint32_t prime : SievePrimes()) {
    if (mpz_cmp_ui(start.mpz(), 2 * uint64_t{prime} * prime) < 0) break;  // of short numbers
    // start + 4 k = 0 mod prime: k = -start / 4, and 1/4 is (prime + 1)/4 or (3 prime + 1)/4.
    const uint64_t quarter = (prime % 4 == 3 ? prime + 1 : 3 * uint64_t{prime} + 1) / 4;
    const uint64_t rest = mpz_fdiv_ui(start.mpz(), prime);
    for (uint64_t k = (prime - rest) % prime * quarter % prime; k < kCandidates; k += prime) {
      composite[k] = true;
    }
  }
  return composite;
}

// Fermat's test to base 2 sorts composites out at half the price of IsProbablePrime.
bool IsPrime(const BigInt& candidate) {
  return BigInt(2).PowMod(candidate - 1, candidate) == 1 && candidate.IsProbablePrime();
}

}  // namespace

BigInt RandomPrime3Mod4(int bits) {
  while (true) {
    BigInt start = RandomStart(bits);
    const std::vector<bool> composite = Sieve(start);
    for (size_t k = 0; k < kCandidates; ++k) {
      if (composite[k]) continue;
      BigInt candidate = start + BigInt(static_cast<int64_t>(4 * k));
      if (candidate.BitLength() != bits) break;
      if (!IsPrime(candidate)) continue;
      start.Wipe();
      return candidate;
    }
  }
}

}  // namespace fate::crypto
