#include "crypto/paillier/private_key.h"

#include <algorithm>
#include <atomic>

#include "base/status.h"
#include "crypto/paillier/primes.h"
#include "crypto/prime_square.h"

namespace fate::crypto::paillier {
namespace {

// Ciphertexts that are decrypted with one scratch: enough to fill lanes, few enough for the cache.
constexpr size_t kChunk = 64;

// Decryption modulo p: L((1 + n)^(p-1) mod p^2) is -q mod p.
PrimeSquareLog HalfOf(const BigInt& p, const BigInt& q, Isa isa) {
  return PrimeSquareLog(p, p - 1, p.BitLength(), (-q).InverseMod(p).value_or(BigInt()), isa);
}

}  // namespace

struct PrivateKey::Secrets {
  Secrets(const BigInt& p, const BigInt& q, Isa isa)
      : by_p(HalfOf(p, q, isa)),
        by_q(HalfOf(q, p, isa)),
        ciphertext_bits(4 * p.BitLength()),
        join(p * q, 1),
        crt(p, q) {}
  // False when a ciphertext shares a factor with n.
  bool Decrypt(std::span<const BigInt> ciphertexts, std::span<BigInt> plaintexts) const {
    SecretInts mod_p(ciphertexts.size()), mod_q(ciphertexts.size());
    if (!by_p.Log(ciphertexts, ciphertext_bits, mod_p) ||
        !by_q.Log(ciphertexts, ciphertext_bits, mod_q)) {
      return false;
    }
    for (size_t i = 0; i < ciphertexts.size(); ++i) {
      crt.Combine(mod_p[i], mod_q[i], plaintexts[i]);
    }
    return true;
  }

  PrimeSquareLog by_p, by_q;  // p < q
  int ciphertext_bits;
  SecretSum join;  // n x1 + x0, without the branch on a carry that BigInt has
  SecretCrt crt;
};

PrivateKey::PrivateKey(PublicKey public_key, const BigInt& p, const BigInt& q)
    : public_key_(std::move(public_key)),
      secrets_(std::make_unique<const Secrets>(std::min(p, q), std::max(p, q),
                                               public_key_.ring()->isa())) {}

PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

absl::StatusOr<PrivateKey> PrivateKey::Generate(int bits, Isa isa) {
  RETURN_IF_ERROR(CheckKeyBits(bits));
  if (bits % 2 != 0) return InvalidArgumentError("key size {} is odd, use {}", bits, bits + 1);
  BigInt p = RandomPrime3Mod4(bits / 2), q;
  do {
    q.Wipe();
    q = RandomPrime3Mod4(bits / 2);
  } while (p == q || BigInt::Gcd(p - 1, q - 1) != 2);
  PrivateKey key(PublicKey::WithoutChecks(p * q, isa), p, q);
  p.Wipe();
  q.Wipe();
  return key;
}

absl::StatusOr<PrivateKey> PrivateKey::FromPrimes(const BigInt& p, const BigInt& q, Isa isa) {
  RETURN_IF_ERROR(CheckKeyBits((p * q).BitLength()));
  return FromPrimesForTest(p, q, isa);
}

absl::StatusOr<PrivateKey> PrivateKey::FromPrimesForTest(const BigInt& p, const BigInt& q,
                                                         Isa isa) {
  if (p.IsNegative() || p == q || p.BitLength() != q.BitLength() || !p.IsOdd() ||
      !p.IsProbablePrime() || !q.IsProbablePrime()) {
    return InvalidArgumentError(
        "a Paillier key needs two different primes of one length, not numbers of {} and {} bits; "
        "make or import the key anew",
        p.BitLength(), q.BitLength());
  }
  return PrivateKey(PublicKey::WithoutChecks(p * q, isa), p, q);
}

PrivateKey::Primes PrivateKey::ExposePrimes() const {
  return {secrets_->by_p.prime(), secrets_->by_q.prime()};
}

absl::StatusOr<std::vector<BigInt>> PrivateKey::Decrypt(const Residues& ciphertexts,
                                                        const Parallel& parallel) const {
  RETURN_IF_ERROR(public_key_.CheckRing(ciphertexts));
  std::vector<BigInt> plaintexts(ciphertexts.size());
  std::atomic<bool> valid = true;
  parallel.For(ciphertexts.size(), ciphertexts.ring().lanes(), [&](size_t begin, size_t end) {
    std::vector<BigInt> low(std::min(kChunk, end - begin)), values(low.size());
    for (size_t at = begin; at < end; at += kChunk) {
      const size_t count = std::min(kChunk, end - at);
      const std::span<BigInt> chunk = std::span(values).first(count);
      ciphertexts.ring().LeaveDigits(ciphertexts[at], std::span(low).first(count), chunk);
      for (size_t i = 0; i < count; ++i) {
        secrets_->join.Evaluate(chunk[i], low[i], public_key_.bits(), chunk[i]);
      }
      if (!secrets_->Decrypt(chunk, std::span(plaintexts).subspan(at, count))) valid = false;
    }
  });
  if (valid) return plaintexts;
  return InvalidArgumentError(
      "cannot decrypt {} ciphertexts under a key of {} bits: one shares a factor with n, so it was "
      "made for another key or altered",
      ciphertexts.size(), public_key_.bits());
}

absl::StatusOr<std::vector<BigInt>> PrivateKey::DecryptSigned(const Residues& ciphertexts,
                                                              const Parallel& parallel) const {
  ASSIGN_OR_RETURN(std::vector<BigInt> plaintexts, Decrypt(ciphertexts, parallel));
  for (BigInt& m : plaintexts) m = public_key_.ToSigned(m);
  return plaintexts;
}

}  // namespace fate::crypto::paillier
