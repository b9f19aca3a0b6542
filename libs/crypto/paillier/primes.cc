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

// a^-1 mod a prime, by Fermat.
uint64_t InverseModPrime(uint64_t a, uint64_t prime) {
  uint64_t inverse = 1;
  for (uint64_t e = prime - 2; e > 0; e >>= 1, a = a * a % prime) {
    if ((e & 1) != 0) inverse = inverse * a % prime;
  }
  return inverse;
}

// Entry k: start + step k has a factor in SievePrimes().
std::vector<bool> Sieve(const BigInt& start, const BigInt& step) {
  std::vector<bool> composite(kCandidates);
  for (const uint32_t prime : SievePrimes()) {
    if (mpz_cmp_ui(start.mpz(), 2 * uint64_t{prime} * prime) < 0) break;  // of short numbers
    const uint64_t stride = mpz_fdiv_ui(step.mpz(), prime);
    if (stride == 0) continue;  // start is 1 mod the prime, then
    const uint64_t rest = mpz_fdiv_ui(start.mpz(), prime);
    const uint64_t first = (prime - rest) % prime * InverseModPrime(stride, prime) % prime;
    for (uint64_t k = first; k < kCandidates; k += prime) composite[k] = true;
  }
  return composite;
}

// Fermat's test to base 2 sorts composites out at half the price of IsProbablePrime.
bool IsPrime(const BigInt& candidate) {
  return BigInt(2).PowMod(candidate - 1, candidate) == 1 && candidate.IsProbablePrime();
}

// The first prime of start, start + step, ... that has `bits` bits; 0 if there is none.
BigInt FirstPrime(const BigInt& start, const BigInt& step, int bits) {
  const std::vector<bool> composite = Sieve(start, step);
  BigInt candidate = start;
  for (size_t k = 0; k < kCandidates && candidate.BitLength() == bits; ++k, candidate += step) {
    if (!composite[k] && IsPrime(candidate)) return candidate;
  }
  return 0;
}

}  // namespace

BigInt RandomPrime3Mod4(int bits) {
  BigInt prime;
  while (prime.IsZero()) {
    BigInt start = RandomStart(bits);
    prime = FirstPrime(start, 4, bits);
    start.Wipe();
  }
  return prime;
}

BigInt RandomPrimeWithFactor(int bits, const BigInt& t) {
  const BigInt step = t << 2;
  BigInt prime;
  while (prime.IsZero()) {
    BigInt start = RandomStart(bits);
    start = start / step * step + (t << 1) + 1;  // 2 t k + 1 for an odd k: 3 mod 4
    prime = FirstPrime(start, step, bits);
    start.Wipe();
  }
  return prime;
}

}  // namespace fate::crypto
