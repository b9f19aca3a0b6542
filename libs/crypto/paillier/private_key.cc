#include "crypto/paillier/private_key.h"

#include <algorithm>
#include <atomic>

#include "base/status.h"
#include "crypto/paillier/primes.h"
#include "crypto/prime_square.h"
#include "crypto/random.h"

namespace fate::crypto::paillier {
namespace {

// Ciphertexts that are decrypted with one scratch: enough to fill lanes, few enough for the cache.
constexpr size_t kChunk = 64;

absl::Status CheckGeneration(int bits) {
  RETURN_IF_ERROR(CheckKeyBits(bits));
  if (bits % 2 == 0) return absl::OkStatus();
  return InvalidArgumentError("key size {} is odd, use {}", bits, bits + 1);
}

// Decryption modulo p by an exponent e that makes masks 1: L((1 + n)^e mod p^2) is e q mod p.
std::unique_ptr<const PrimeSquareLog> LogModulo(const BigInt& p, const BigInt& q, const BigInt& e,
                                                Isa isa) {
  SecretInts h(2);
  h[0] = e * q;
  h[1] = h[0].InverseMod(p).value_or(BigInt());
  return std::make_unique<const PrimeSquareLog>(p, e, e.BitLength(), h[1], isa);
}

std::unique_ptr<const PrimeSquareLog> LogModulo(const BigInt& p, const BigInt& q, Isa isa) {
  SecretInts order(1);
  order[0] = p - 1;
  return LogModulo(p, q, order[0], isa);
}

// A random element of order t mod p: not 1.
BigInt ElementOfOrder(const BigInt& t, const BigInt& p) {
  SecretInts cofactor(1);
  cofactor[0] = (p - 1) / t;
  BigInt element(1);
  while (element == 1) element = (Random::Below(p - 2) + 2).PowMod(cofactor[0], p);
  return element;
}

}  // namespace

struct PrivateKey::Secrets {
  using Logs = std::unique_ptr<const PrimeSquareLog>;

  // p < q
  Secrets(const BigInt& p, const BigInt& q, Isa isa)
      : by_p(LogModulo(p, q, isa)), by_q(LogModulo(q, p, isa)), join(p * q, 1), crt(p, q) {}

  // False when a ciphertext shares a factor with n.
  bool Decrypt(std::span<const BigInt> ciphertexts, std::span<BigInt> plaintexts) const {
    SecretInts mod_p(ciphertexts.size()), mod_q(ciphertexts.size());
    const auto log = [&](const Logs& p, const Logs& q) {
      const int bits = 4 * p->prime().BitLength();
      return p->Log(ciphertexts, bits, mod_p) && q->Log(ciphertexts, bits, mod_q);
    };
    const bool is_short = short_by_p != nullptr && log(short_by_p, short_by_q);
    if (!is_short && !log(by_p, by_q)) return false;
    for (size_t i = 0; i < ciphertexts.size(); ++i) {
      crt.Combine(mod_p[i], mod_q[i], plaintexts[i]);
    }
    return true;
  }

  Logs by_p, by_q;
  Logs short_by_p, short_by_q;  // of a subgroup key, for ciphertexts with its masks
  SecretSum join;               // n x1 + x0, without the branch on a carry that BigInt has
  SecretCrt crt;
};

PrivateKey::PrivateKey(PublicKey public_key, std::unique_ptr<const Secrets> secrets)
    : public_key_(std::move(public_key)), secrets_(std::move(secrets)) {}

PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

absl::StatusOr<PrivateKey> PrivateKey::Generate(int bits, Isa isa) {
  RETURN_IF_ERROR(CheckGeneration(bits));
  BigInt p = RandomPrime3Mod4(bits / 2), q;
  do {
    q.Wipe();
    q = RandomPrime3Mod4(bits / 2);
  } while (p == q || BigInt::Gcd(p - 1, q - 1) != 2);
  auto key = FromPrimes(p, q, isa);
  p.Wipe();
  q.Wipe();
  return key;
}

absl::StatusOr<PrivateKey> PrivateKey::GenerateSubgroup(int bits, Isa isa) {
  RETURN_IF_ERROR(CheckGeneration(bits));
  BigInt t = RandomPrime3Mod4(2 * SecurityBits(bits)), s = RandomPrime3Mod4(2 * SecurityBits(bits));
  BigInt p = RandomPrimeWithFactor(bits / 2, t), q;
  do {
    q = RandomPrimeWithFactor(bits / 2, s);
  } while (t == s || p == q || BigInt::Gcd(p - 1, q - 1) != 2);
  if (p > q) std::swap(p, q), std::swap(t, s);
  BigInt root;
  const SecretCrt crt(p, q);
  crt.Combine(ElementOfOrder(t, p), ElementOfOrder(s, q), root);
  auto secrets = std::make_unique<Secrets>(p, q, isa);
  secrets->short_by_p = LogModulo(p, q, t, isa);
  secrets->short_by_q = LogModulo(q, p, s, isa);
  ASSIGN_OR_RETURN(PublicKey public_key, PublicKey::CreateWithMaskRoot(p * q, root, isa));
  for (BigInt* secret : {&t, &s, &p, &q}) secret->Wipe();
  return PrivateKey(std::move(public_key), std::move(secrets));
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
  return PrivateKey(PublicKey::WithoutChecks(p * q, isa),
                    std::make_unique<const Secrets>(std::min(p, q), std::max(p, q), isa));
}

PrivateKey::Primes PrivateKey::ExposePrimes() const {
  return {secrets_->by_p->prime(), secrets_->by_q->prime()};
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
