#include "crypto/intersect/rsa.h"

#include <algorithm>
#include <atomic>

#include "base/status.h"
#include "crypto/paillier/primes.h"
#include "crypto/random.h"
#include "crypto/ring/batch_loop.h"
#include "crypto/ring/invert.h"
#include "crypto/ring/power.h"
#include "crypto/secret_arithmetic.h"

namespace fate::crypto::intersect {
namespace {

constexpr int64_t kExponent = 65537;
constexpr int kMaxExponentBits = 32;  // a hostile e of n's length would cost minutes
// Values that are signed with one scratch: enough to fill lanes, few enough for the cache.
constexpr size_t kChunk = 64;

absl::Status CheckInRange(std::span<const BigInt> values, const BigInt& n, std::string_view what) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].IsNegative() || values[i] >= n) {
      return InvalidArgumentError(
          "{} {} is not in [0, n) for the RSA modulus n of {} bits: it was made with another key",
          what, i, n.BitLength());
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPrimes(const BigInt& p, const BigInt& q, const BigInt& e) {
  const int difference = p.BitLength() - q.BitLength();
  if (p.IsNegative() || p == q || difference < -1 || difference > 1 || !p.IsOdd() || !q.IsOdd() ||
      !p.IsProbablePrime() || !q.IsProbablePrime()) {
    return InvalidArgumentError(
        "an RSA key needs two different odd primes of one length, not numbers of {} and {} bits; "
        "make the key anew",
        p.BitLength(), q.BitLength());
  }
  if (BigInt::Gcd(e, (p - 1) * (q - 1)) != 1) {
    return InvalidArgumentError(
        "the RSA exponent {} shares a factor with (p - 1)(q - 1); make the key anew",
        e.ToDecimal());
  }
  return absl::OkStatus();
}

BigInt PrimeFor(const BigInt& e, int bits) {
  BigInt prime;
  do {
    prime.Wipe();
    prime = RandomPrime3Mod4(bits);
  } while (BigInt::Gcd(e, prime - 1) != 1);
  return prime;
}

// x[i] *= y[i].
void MultiplyEach(const Ring& ring, Residues& x, const Residues& y, const Parallel& parallel) {
  ForEachBatch(ring, x.size(), 2, parallel, [&](Batches& batch, size_t at, size_t count) {
    ring.LoadSome(batch[0], x[at], count);
    ring.LoadSome(batch[1], y[at], count);
    ring.Multiply(batch[0], batch[0], batch[1]);
    ring.StoreSome(x[at], batch[0], count);
  });
}

// Powers modulo one of the primes.
class SecretPower {
 public:
  SecretPower(const BigInt& p, const BigInt& e, Isa isa)
      : ring_(Ring::Modulo(p, isa, Secrecy::kSecret)),
        by_prime_(p),
        exponent_(e.InverseMod(p - 1).value_or(BigInt())),
        bits_(p.BitLength()) {}
  SecretPower(const SecretPower&) = delete;
  SecretPower& operator=(const SecretPower&) = delete;
  ~SecretPower() { exponent_.Wipe(); }

  // out[i] = values[i]^exponent mod p, 0 <= value < 2^value_bits.
  void Raise(std::span<const BigInt> values, int value_bits, std::span<BigInt> out) const {
    for (size_t i = 0; i < values.size(); ++i) by_prime_.Reduce(values[i], value_bits, out[i]);
    Residues x(ring_, out);
    PowerSecret(*ring_, x[0], x.size(), exponent_, bits_, x[0]);
    ring_->Leave(x[0], out);
    x.Wipe();
  }

 private:
  std::shared_ptr<const Ring> ring_;
  SecretDivisor by_prime_;
  BigInt exponent_;
  int bits_;
};

}  // namespace

// ---- public key ----

absl::StatusOr<RsaPublicKey> RsaPublicKey::Create(const BigInt& e, const BigInt& n, Isa isa) {
  RETURN_IF_ERROR(CheckKeyBits(n.IsNegative() ? 0 : n.BitLength()));
  if (!n.IsOdd() || HasSmallFactor(n)) {
    return InvalidArgumentError(
        "the RSA modulus of {} bits has a small factor, so it is no product of two large primes; "
        "ask the other party for its key again",
        n.BitLength());
  }
  if (e < 3 || !e.IsOdd() || e.BitLength() > kMaxExponentBits) {
    return InvalidArgumentError(
        "the RSA exponent has to be odd, at least 3 and at most {} bits long, as 65537 is; it has "
        "{} bits",
        kMaxExponentBits, e.BitLength());
  }
  return RsaPublicKey(e, Ring::Modulo(n, isa));
}

RsaPublicKey::Blinded RsaPublicKey::Blind(std::span<const BigInt> hashed,
                                          const Parallel& parallel) const {
  Blinded blinded;
  blinded.factors.reserve(hashed.size());
  for (size_t i = 0; i < hashed.size(); ++i) {
    blinded.factors.push_back(Random::Below(n() - 1) + 1);
  }
  blinded.values = BlindBy(blinded.factors, hashed, parallel);
  return blinded;
}

std::vector<BigInt> RsaPublicKey::BlindBy(std::span<const BigInt> factors,
                                          std::span<const BigInt> hashed,
                                          const Parallel& parallel) const {
  std::vector<BigInt> values(hashed.size());
  parallel.For(hashed.size(), ring_->lanes(), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) values[i] = hashed[i].Mod(n());
    const std::span<BigInt> part = std::span(values).subspan(begin, end - begin);
    Residues r(ring_, factors.subspan(begin, end - begin));
    PowerAll(*ring_, r[0], r.size(), e_, r[0]);
    MultiplyEach(*ring_, r, Residues(ring_, part), Inline());
    ring_->Leave(r[0], part);
  });
  return values;
}

absl::StatusOr<std::vector<BigInt>> RsaPublicKey::Unblind(std::span<const BigInt> signatures,
                                                          std::span<const BigInt> factors,
                                                          const Parallel& parallel) const {
  if (signatures.size() != factors.size()) {
    return InvalidArgumentError("the other party signed {} blinded ids of {}", signatures.size(),
                                factors.size());
  }
  RETURN_IF_ERROR(CheckInRange(signatures, n(), "signature"));
  RETURN_IF_ERROR(CheckInRange(factors, n(), "blinding factor"));
  Residues r(ring_, factors);
  RETURN_IF_ERROR(InvertEach(*ring_, r[0], r.size(), r[0], parallel));
  MultiplyEach(*ring_, r, Residues(ring_, signatures), parallel);
  return r.Leave();
}

// ---- private key ----

struct RsaPrivateKey::Secrets {
  Secrets(const BigInt& p, const BigInt& q, const BigInt& e, Isa isa)
      : by_p(p, e, isa), by_q(q, e, isa), crt(p, q), n_bits((p * q).BitLength()) {}

  void Sign(std::span<const BigInt> values, std::span<BigInt> signatures) const {
    SecretInts mod_p(values.size()), mod_q(values.size());
    by_p.Raise(values, n_bits, mod_p);
    by_q.Raise(values, n_bits, mod_q);
    for (size_t i = 0; i < values.size(); ++i) crt.Combine(mod_p[i], mod_q[i], signatures[i]);
  }

  SecretPower by_p, by_q;  // p < q
  SecretCrt crt;
  int n_bits;
};

RsaPrivateKey::RsaPrivateKey(RsaPublicKey public_key, const BigInt& p, const BigInt& q)
    : public_key_(std::move(public_key)),
      secrets_(std::make_unique<const Secrets>(std::min(p, q), std::max(p, q), public_key_.e(),
                                               public_key_.ring_->isa())) {}

RsaPrivateKey::RsaPrivateKey(RsaPrivateKey&&) noexcept = default;
RsaPrivateKey& RsaPrivateKey::operator=(RsaPrivateKey&&) noexcept = default;
RsaPrivateKey::~RsaPrivateKey() = default;

absl::StatusOr<RsaPrivateKey> RsaPrivateKey::Generate(int bits, Isa isa) {
  RETURN_IF_ERROR(CheckKeyBits(bits));
  if (bits % 2 != 0) return InvalidArgumentError("key size {} is odd, use {}", bits, bits + 1);
  const BigInt e = kExponent;
  BigInt p = PrimeFor(e, bits / 2), q = PrimeFor(e, bits / 2);
  while (p == q) q = PrimeFor(e, bits / 2);
  RsaPrivateKey key(RsaPublicKey(e, Ring::Modulo(p * q, isa)), p, q);
  p.Wipe();
  q.Wipe();
  return key;
}

absl::StatusOr<RsaPrivateKey> RsaPrivateKey::FromPrimes(const BigInt& p, const BigInt& q,
                                                        const BigInt& e, Isa isa) {
  RETURN_IF_ERROR(RsaPublicKey::Create(e, p * q, isa).status());
  return FromPrimesForTest(p, q, e, isa);
}

absl::StatusOr<RsaPrivateKey> RsaPrivateKey::FromPrimesForTest(const BigInt& p, const BigInt& q,
                                                               const BigInt& e, Isa isa) {
  RETURN_IF_ERROR(CheckPrimes(p, q, e));
  return RsaPrivateKey(RsaPublicKey(e, Ring::Modulo(p * q, isa)), p, q);
}

absl::StatusOr<std::vector<BigInt>> RsaPrivateKey::Sign(std::span<const BigInt> values,
                                                        const Parallel& parallel) const {
  RETURN_IF_ERROR(CheckInRange(values, public_key_.n(), "value"));
  const std::shared_ptr<const Ring>& ring = public_key_.ring_;
  std::vector<BigInt> signatures(values.size());
  std::atomic<bool> all_verified = true;
  parallel.For(values.size(), ring->lanes(), [&](size_t begin, size_t end) {
    for (size_t at = begin; at < end; at += kChunk) {
      const size_t count = std::min(kChunk, end - at);
      const std::span<const BigInt> chunk = values.subspan(at, count);
      const std::span<BigInt> out = std::span(signatures).subspan(at, count);
      secrets_->Sign(chunk, out);
      Residues x(ring, out);
      PowerAll(*ring, x[0], count, public_key_.e(), x[0]);
      const std::vector<BigInt> verified = x.Leave();
      if (!std::equal(verified.begin(), verified.end(), chunk.begin())) all_verified = false;
    }
  });
  if (all_verified) return signatures;
  return InternalError(
      "an RSA signature came out wrong and is kept back, as it could give the key away; check the "
      "machine's memory and processor");
}

}  // namespace fate::crypto::intersect
