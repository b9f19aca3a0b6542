#include "crypto/paillier/masks.h"

#include <algorithm>

#include "crypto/random.h"
#include "crypto/ring/batch_loop.h"

namespace fate::crypto::paillier {
namespace {

constexpr int kShortBits = 448;
// Masks that are made with one scratch.
constexpr size_t kChunk = 64;

bool IsSubgroupKey(const PublicKey& key) { return !key.mask_root().IsZero(); }

// (-x^2)^n mod n^2 for a random x; of a subgroup key y^n.
BigInt PublicBase(const PublicKey& key) {
  const BigInt x = Random::Below(key.n() - 2) + 1;
  const BigInt root = IsSubgroupKey(key) ? key.mask_root() : (-(x * x)).Mod(key.n());
  return root.PowMod(key.n(), key.n_squared());
}

Residues BaseModulo(const std::shared_ptr<const Ring>& ring, const BigInt& h) {
  BigInt base = h.Mod(ring->modulus());
  Residues element(ring, {&base, 1});
  base.Wipe();
  return element;
}

// Of the owner's exponents: h has an order of 2 SecurityBits bits modulo a subgroup key's primes.
int OwnerBits(MaskStrength strength, const PublicKey& key) {
  return IsSubgroupKey(key) ? 2 * SecurityBits(key.bits()) + 64 : MaskBits(strength, key);
}

}  // namespace

int MaskBits(MaskStrength strength, const PublicKey& key) {
  const int full = IsSubgroupKey(key) ? 4 * SecurityBits(key.bits()) + 128 : (key.bits() + 1) / 2;
  return strength == MaskStrength::kShort ? std::min(kShortBits, full) : full;
}

PublicMasks::PublicMasks(const PublicKey& key, MaskStrength strength, const Parallel& parallel)
    : MaskSource(key),
      table_(key.ring(), Residues(key.ring(), {{PublicBase(key)}})[0], MaskBits(strength, key),
             FixedBaseTable::kDefaultBytes, parallel) {}

void PublicMasks::Mask(uint64_t* elements, size_t count, const Parallel& parallel) const {
  table_.PowerTimes(elements, Exponents::Random(count, table_.exponent_bits()), elements, parallel);
}

OwnerMasks::Half::Half(const BigInt& p, const BigInt& q, const BigInt& h, int exponent_bits,
                       const Ring& n_ring, const Parallel& parallel)
    : ring(Ring::ModuloSquare(p, n_ring.isa(), Secrecy::kSecret)),
      table(ring, BaseModulo(ring, h)[0], exponent_bits, FixedBaseTable::kDefaultBytes, parallel),
      factor(ring, 1) {
  SecretInts numbers(3);
  BigInt &number = numbers[0], &low = numbers[1], &high = numbers[2];
  number = (q * q).InverseMod(ring->modulus()).value_or(BigInt());
  number = (number * n_ring.r()).Mod(ring->modulus());
  number.FloorDivide(p, high, low);
  ring->PackDigits({&low, 1}, {&high, 1}, factor[0]);
}

void OwnerMasks::Half::Power(const Exponents& exponents, std::span<BigInt> low,
                             std::span<BigInt> high) const {
  Residues powers(ring, exponents.size());
  table.Power(exponents, powers[0]);
  ring->LeaveDigitsTimes(factor[0], powers[0], low, high);
  powers.Wipe();
}

OwnerMasks::OwnerMasks(const PrivateKey& key, MaskStrength strength, const Parallel& parallel)
    : OwnerMasks(key.public_key(), key.ExposePrimes(), PublicBase(key.public_key()),
                 OwnerBits(strength, key.public_key()), parallel) {}

OwnerMasks::OwnerMasks(const PublicKey& key, const PrivateKey::Primes& primes, const BigInt& h,
                       int exponent_bits, const Parallel& parallel)
    : MaskSource(key),
      prime_bits_(primes.p.BitLength()),
      by_p_(primes.p, primes.q, h, exponent_bits, *key.ring(), parallel),
      by_q_(primes.q, primes.p, h, exponent_bits, *key.ring(), parallel),
      low_(by_q_.ring->modulus(), by_p_.ring->modulus()),
      high_(primes.q, primes.p),
      by_n_(key.n()) {}

// The number that is a mod p^2 and b mod q^2 is q^2 a' + p^2 b' mod n^2 with a' = a q^-2 mod p^2
// and b' = b p^-2 mod q^2. In digits, a' = x0 + x1 p and b' = y0 + y1 q, it is
// (q^2 x0 + p^2 y0) + (q x1 + p y1) n. Here a and b have the factor R that elements need.
void OwnerMasks::Make(Residues& masks, size_t count) const {
  SecretInts x0(count), x1(count), y0(count), y1(count);
  const int bits = by_p_.table.exponent_bits();
  const Exponents r = Exponents::Random(count, bits);
  by_p_.Power(r, x0, x1);
  if (IsSubgroupKey(public_key())) {
    by_q_.Power(Exponents::Random(count, bits), y0, y1);
  } else {
    by_q_.Power(r, y0, y1);
  }
  BigInt carry;
  for (size_t i = 0; i < count; ++i) {
    low_.Evaluate(x0[i], y0[i], prime_bits_, x0[i]);
    high_.Evaluate(x1[i], y1[i], prime_bits_, x1[i]);
    by_n_.Divide(x0[i], 3 * prime_bits_ + 1, carry, x0[i]);
    x1[i] += carry;  // below 3 n
  }
  carry.Wipe();
  public_key().ring()->PackDigits(x0, x1, masks[0]);
}

void OwnerMasks::Mask(uint64_t* elements, size_t count, const Parallel& parallel) const {
  const Ring& ring = *public_key().ring();
  parallel.For(count, ring.lanes(), [&](size_t begin, size_t end) {
    Residues masks(public_key().ring(), std::min(kChunk, end - begin));
    Batches batches(ring, 2);
    for (size_t at = begin; at < end; at += kChunk) {
      const size_t chunk = std::min(kChunk, end - at);
      Make(masks, chunk);
      for (size_t i = 0; i < chunk; i += ring.lanes()) {
        const size_t some = std::min(ring.lanes(), chunk - i);
        ring.LoadSome(batches[0], elements + (at + i) * ring.words(), some);
        ring.LoadSome(batches[1], masks[i], some);
        ring.Multiply(batches[0], batches[0], batches[1]);
        ring.StoreSome(elements + (at + i) * ring.words(), batches[0], some);
      }
    }
    masks.Wipe();
  });
}

}  // namespace fate::crypto::paillier
