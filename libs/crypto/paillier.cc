#include "crypto/paillier.h"

#include "base/status.h"
#include "crypto/random.h"

namespace fate::crypto {
namespace {

// bits bits with the two top ones set (so that a product of two has 2 bits bits), 3 mod 4.
BigInt RandomPrime(int bits) {
  while (true) {
    BigInt start = Random::Bits(bits);
    mpz_setbit(start.mpz(), static_cast<mp_bitcnt_t>(bits - 1));
    mpz_setbit(start.mpz(), static_cast<mp_bitcnt_t>(bits - 2));
    BigInt prime = start.NextPrime();
    start.Wipe();
    if (prime.BitLength() == bits && prime.Bit(1)) return prime;
  }
}

}  // namespace

absl::Status CheckPaillierBits(int bits) {
  if (bits < kMinPaillierBits) {
    return InvalidArgumentError("key size {} is too small, minimum is {}", bits, kMinPaillierBits);
  }
  if (bits > kMaxPaillierBits) {
    return InvalidArgumentError("key size {} is too large, maximum is {}", bits, kMaxPaillierBits);
  }
  return absl::OkStatus();
}

absl::StatusOr<PaillierPublicKey> PaillierPublicKey::Create(const BigInt& n) {
  RETURN_IF_ERROR(CheckPaillierBits(n.BitLength()));
  if (!n.IsOdd() || n.IsNegative()) {
    return InvalidArgumentError("a Paillier modulus must be odd and positive");
  }
  return PaillierPublicKey(n);
}

PaillierPublicKey PaillierPublicKey::WithoutSizeCheckForTest(const BigInt& n) {
  return PaillierPublicKey(n);
}

std::string PaillierPublicKey::Serialize() const { return n().ToBytes(ciphertext_bytes() / 2); }

absl::StatusOr<PaillierPublicKey> PaillierPublicKey::Parse(std::string_view bytes) {
  if (bytes.size() > kMaxPaillierBits / 8) {
    return InvalidArgumentError("a Paillier public key of {} bytes is longer than {} bits",
                                bytes.size(), kMaxPaillierBits);
  }
  return Create(BigInt::FromBytes(bytes));
}

Ciphertext PaillierPublicKey::Add(const Ciphertext& a, const Ciphertext& b) const {
  return {(a.value * b.value).Mod(n_squared())};
}

Ciphertext PaillierPublicKey::AddPlain(const Ciphertext& c, const BigInt& m) const {
  return Add(c, EncodeUnmasked(m));
}

absl::StatusOr<Ciphertext> PaillierPublicKey::MulPlain(const Ciphertext& c, const BigInt& k) const {
  if (!k.IsNegative()) return Ciphertext{c.value.PowMod(k, n_squared())};
  ASSIGN_OR_RETURN(BigInt inverse, c.value.InverseMod(n_squared()));
  return Ciphertext{inverse.PowMod(-k, n_squared())};
}

Ciphertext PaillierPublicKey::EncodeUnmasked(const BigInt& m) const {
  return {m.Mod(n()) * n() + 1};
}

bool PaillierPublicKey::IsUnmasked(const Ciphertext& c) const {
  return (c.value - 1).IsDivisibleBy(n());
}

std::string PaillierPublicKey::SerializeCiphertext(const Ciphertext& c) const {
  return c.value.ToBytes(ciphertext_bytes());
}

absl::StatusOr<Ciphertext> PaillierPublicKey::ParseCiphertext(std::string_view bytes) const {
  if (bytes.size() != ciphertext_bytes()) {
    return InvalidArgumentError("a ciphertext of {} bytes where the key makes {}", bytes.size(),
                                ciphertext_bytes());
  }
  Ciphertext c{BigInt::FromBytes(bytes)};
  if (c.value.IsZero() || c.value >= n_squared()) {
    return InvalidArgumentError("a ciphertext outside [1, n^2)");
  }
  return c;
}

BigInt PaillierPublicKey::ToSigned(const BigInt& m) const { return m > (n() >> 1) ? m - n() : m; }

absl::StatusOr<PaillierPrivateKey> PaillierPrivateKey::Generate(int bits) {
  RETURN_IF_ERROR(CheckPaillierBits(bits));
  if (bits % 2 != 0) return InvalidArgumentError("key size {} is odd, use {}", bits, bits + 1);
  while (true) {
    BigInt p = RandomPrime(bits / 2), q = RandomPrime(bits / 2);
    if (p == q || BigInt::Gcd(p - 1, q - 1) != 2) continue;
    if (p > q) std::swap(p, q);
    auto public_key = PaillierPublicKey::WithoutSizeCheckForTest(p * q);
    return PaillierPrivateKey(std::move(public_key), std::move(p), std::move(q));
  }
}

absl::StatusOr<PaillierPrivateKey> PaillierPrivateKey::FromPrimesForTest(BigInt p, BigInt q) {
  if (p > q) std::swap(p, q);
  if (p == q || p.BitLength() != q.BitLength() || !p.IsProbablePrime() || !q.IsProbablePrime()) {
    return InvalidArgumentError("a Paillier key needs two different primes of one length");
  }
  auto public_key = PaillierPublicKey::WithoutSizeCheckForTest(p * q);
  return PaillierPrivateKey(std::move(public_key), std::move(p), std::move(q));
}

PaillierPrivateKey::PaillierPrivateKey(PaillierPublicKey public_key, BigInt p, BigInt q)
    : public_key_(std::move(public_key)),
      p_(std::move(p)),
      q_(std::move(q)),
      p_squared_(p_ * p_),
      q_squared_(q_ * q_),
      p_inverse_(*p_.InverseMod(q_)),
      hp_(1),
      hq_(1) {
  const BigInt g = public_key_.n() + 1;
  hp_ = *DecryptModPrime(g, p_, p_squared_, 1).InverseMod(p_);
  hq_ = *DecryptModPrime(g, q_, q_squared_, 1).InverseMod(q_);
}

PaillierPrivateKey::~PaillierPrivateKey() {
  for (BigInt* secret : {&p_, &q_, &p_squared_, &q_squared_, &p_inverse_, &hp_, &hq_}) {
    secret->Wipe();
  }
}

BigInt PaillierPrivateKey::DecryptModPrime(const BigInt& c, const BigInt& p,
                                           const BigInt& p_squared, const BigInt& h) {
  const BigInt power = c.Mod(p_squared).PowMod(p - 1, p_squared);
  return ((power - 1) / p * h).Mod(p);
}

BigInt PaillierPrivateKey::Decrypt(const Ciphertext& c) const {
  const BigInt mp = DecryptModPrime(c.value, p_, p_squared_, hp_);
  const BigInt mq = DecryptModPrime(c.value, q_, q_squared_, hq_);
  return mp + ((mq - mp) * p_inverse_).Mod(q_) * p_;
}

}  // namespace fate::crypto
