#include "crypto/okamoto_uchiyama/private_key.h"

#include <algorithm>
#include <atomic>

#include "base/status.h"
#include "crypto/prime_square.h"
#include "crypto/random.h"

namespace fate::crypto::okamoto_uchiyama {
namespace {

// Ciphertexts that are decrypted with one scratch: enough to fill lanes, few enough for the cache.
constexpr size_t kChunk = 64;
// What a hostile plaintext may gain on DecryptForOther's bound.
constexpr int kOtherMarginBits = 128;

// `bits` random bits whose three top bits are set, so that a product of three such numbers has
// the sum of their bits.
BigInt RandomTop(int bits) {
  BigInt value = Random::Bits(bits);
  for (int i = 1; i <= 3; ++i) mpz_setbit(value.mpz(), static_cast<mp_bitcnt_t>(bits - i));
  return value;
}

// A prime 2 t k + 1 with a random k.
BigInt RandomPrimeAbove(const BigInt& t, int bits) {
  while (true) {
    const BigInt step = t << 1;
    BigInt prime = RandomTop(bits) / step * step + 1;
    if (prime.IsProbablePrime()) return prime;
  }
}

}  // namespace

struct PrivateKey::Secrets {
  Secrets(const BigInt& p, const BigInt& q, const BigInt& g, const BigInt& order, Isa isa)
      : q(q),
        order(order),
        log(p, order, order.BitLength(), LogOfPower(g, order, p).InverseMod(p).value_or(BigInt(1)),
            isa) {}
  ~Secrets() {
    q.Wipe();
    order.Wipe();
  }

  BigInt q, order;
  PrimeSquareLog log;
};

BigInt LogOfPower(const BigInt& g, const BigInt& order, const BigInt& p) {
  return (g.PowMod(order, p * p) - 1) / p;
}

PrivateKey::PrivateKey(PublicKey public_key, std::unique_ptr<const Secrets> secrets)
    : public_key_(std::move(public_key)), secrets_(std::move(secrets)) {}

PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

absl::StatusOr<PrivateKey> PrivateKey::Generate(int bits, Isa isa) {
  RETURN_IF_ERROR(CheckKeyBits(bits));
  BigInt t = RandomTop(2 * SecurityBits(bits)).NextPrime();
  BigInt p = RandomPrimeAbove(t, bits / 3), q;
  do {
    q = RandomTop(bits - 2 * (bits / 3)).NextPrime();
  } while (p == q || (p * p * q).BitLength() != bits);
  const BigInt n = p * p * q;
  BigInt cofactor = (p - 1) / t, g;
  do {  // fails once in p / (t + p) draws, which nobody will see
    g = Random::Below(n).PowMod(cofactor, n);
  } while (BigInt::Gcd(g, n) != BigInt(1) || LogOfPower(g, t, p).IsZero() || g.Mod(p) == BigInt(1));
  PrivateKey key(PublicKey::WithoutChecks(n, g, g.PowMod(n, n), isa),
                 std::make_unique<const Secrets>(p, q, g, t, isa));
  for (BigInt* secret : {&t, &p, &q, &cofactor}) secret->Wipe();
  return key;
}

absl::StatusOr<PrivateKey> PrivateKey::FromPrimes(const BigInt& p, const BigInt& q, const BigInt& g,
                                                  Isa isa) {
  const int bits = (p * p * q).BitLength();
  RETURN_IF_ERROR(CheckKeyBits(bits));
  if (p.BitLength() != bits / 3) {
    return InvalidArgumentError(
        "the prime p of an Okamoto-Uchiyama key of {} bits has {} bits, not a third; make or "
        "import the key anew",
        bits, p.BitLength());
  }
  return FromPrimesForTest(p, q, g, isa);
}

absl::StatusOr<PrivateKey> PrivateKey::FromPrimesForTest(const BigInt& p, const BigInt& q,
                                                         const BigInt& g, Isa isa) {
  const BigInt n = p * p * q;
  if (p == q || !p.IsOdd() || !q.IsOdd() || p < BigInt(3) || q < BigInt(3) ||
      !p.IsProbablePrime() || !q.IsProbablePrime()) {
    return InvalidArgumentError(
        "an Okamoto-Uchiyama key needs two different odd primes, not numbers of {} and {} bits; "
        "make or import the key anew",
        p.BitLength(), q.BitLength());
  }
  if (g < BigInt(2) || g >= n || BigInt::Gcd(g, n) != BigInt(1) ||
      LogOfPower(g, p - 1, p).IsZero()) {
    return InvalidArgumentError(
        "the base g of an Okamoto-Uchiyama key of {} bits generates no plaintexts; make or import "
        "the key anew",
        n.BitLength());
  }
  return PrivateKey(PublicKey::WithoutChecks(n, g, g.PowMod(n, n), isa),
                    std::make_unique<const Secrets>(p, q, g, p - 1, isa));
}

PrivateKey::Primes PrivateKey::ExposePrimes() const { return {secrets_->log.prime(), secrets_->q}; }

const BigInt& PrivateKey::ExposeOrder() const { return secrets_->order; }

int PrivateKey::max_other_bits() const {
  return std::max(secrets_->log.prime().BitLength() - kOtherMarginBits, 0);
}

bool PrivateKey::DecryptAll(const Residues& ciphertexts, std::span<BigInt> plaintexts,
                            const Parallel& parallel) const {
  std::atomic<bool> valid = true;
  parallel.For(ciphertexts.size(), ciphertexts.ring().lanes(), [&](size_t begin, size_t end) {
    std::vector<BigInt> values(std::min(kChunk, end - begin));
    for (size_t at = begin; at < end; at += kChunk) {
      const std::span<BigInt> chunk = std::span(values).first(std::min(kChunk, end - at));
      ciphertexts.ring().Leave(ciphertexts[at], chunk);
      const auto results = plaintexts.subspan(at, chunk.size());
      if (!secrets_->log.Log(chunk, public_key_.bits(), results)) valid = false;
    }
  });
  return valid;
}

absl::StatusOr<std::vector<BigInt>> PrivateKey::Decrypt(const Residues& ciphertexts,
                                                        const Parallel& parallel) const {
  RETURN_IF_ERROR(public_key_.CheckRing(ciphertexts));
  std::vector<BigInt> plaintexts(ciphertexts.size());
  if (DecryptAll(ciphertexts, plaintexts, parallel)) return plaintexts;
  return InvalidArgumentError(
      "cannot decrypt {} ciphertexts under a key of {} bits: one of them was made for another key "
      "or altered",
      ciphertexts.size(), public_key_.bits());
}

absl::StatusOr<std::vector<BigInt>> PrivateKey::DecryptForOther(const Residues& ciphertexts,
                                                                int bound_bits,
                                                                const Parallel& parallel) const {
  RETURN_IF_ERROR(public_key_.CheckRing(ciphertexts));
  if (bound_bits < 0 || bound_bits > max_other_bits()) {
    return InvalidArgumentError(
        "plaintexts of {} bits cannot be decrypted safely for another party under a key of {} "
        "bits, only of {}; use a longer key or Paillier",
        bound_bits, public_key_.bits(), max_other_bits());
  }
  std::vector<BigInt> plaintexts(ciphertexts.size());
  bool in_range = DecryptAll(ciphertexts, plaintexts, parallel);
  for (const BigInt& m : plaintexts) in_range = in_range & (m.BitLength() <= bound_bits);
  if (in_range) return plaintexts;
  for (BigInt& m : plaintexts) m.Wipe();
  return OutOfRangeError(
      "refused to decrypt {} ciphertexts for another party: not all are numbers below 2^{}, and "
      "others would give the key away; use a longer key or smaller numbers",
      ciphertexts.size(), bound_bits);
}

}  // namespace fate::crypto::okamoto_uchiyama
