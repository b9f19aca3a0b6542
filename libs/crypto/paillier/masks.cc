#include "crypto/paillier/masks.h"

#include <algorithm>

#include "crypto/random.h"
#include "crypto/ring/batch_loop.h"

namespace fate::crypto::paillier {
namespace {

constexpr int kShortBits = 448;
// Masks that are made with one scratch.
constexpr size_t kChunk = 64;

// (-x^2)^n mod n^2 for a random x.
Residues PublicBase(const PublicKey& key) {
  const BigInt x = Random::Below(key.n() - 2) + 1;
  const BigInt base = (-(x * x)).Mod(key.n()).PowMod(key.n(), key.n_squared());
  return Residues(key.ring(), {&base, 1});
}

// A random p-th power mod p^2: of the group of n-th residues, which has p - 1 elements.
Residues PrimeBase(const std::shared_ptr<const Ring>& ring) {
  const BigInt& p = ring->base();
  BigInt base = (Random::Below(p - 2) + 2).PowMod(p, ring->modulus());
  Residues element(ring, {&base, 1});
  base.Wipe();
  return element;
}

BigInt InverseOfSquare(const BigInt& q, const BigInt& p_squared) {
  return (q * q).InverseMod(p_squared).value_or(BigInt());
}

}  // namespace

int MaskBits(MaskStrength strength, int key_bits) {
  const int half = (key_bits + 1) / 2;
  return strength == MaskStrength::kShort ? std::min(kShortBits, half) : half;
}

PublicMasks::PublicMasks(const PublicKey& key, MaskStrength strength, const Parallel& parallel)
    : MaskSource(key),
      table_(key.ring(), PublicBase(key)[0], MaskBits(strength, key.bits()),
             FixedBaseTable::kDefaultBytes, parallel) {}

void PublicMasks::Mask(uint64_t* elements, size_t count, const Parallel& parallel) const {
  table_.PowerTimes(elements, Exponents::Random(count, table_.exponent_bits()), elements, parallel);
}

OwnerMasks::Half::Half(const BigInt& p, const BigInt& q, int exponent_bits, Isa isa,
                       const Parallel& parallel)
    : ring(Ring::ModuloSquare(p, isa)),
      table(ring, PrimeBase(ring)[0], exponent_bits, FixedBaseTable::kDefaultBytes, parallel),
      factor(ring, 1) {
  BigInt inverse = InverseOfSquare(q, ring->modulus());
  ring->Enter(inverse, factor[0]);
  inverse.Wipe();
}

void OwnerMasks::Half::Draw(size_t count, std::span<BigInt> low, std::span<BigInt> high) const {
  Residues powers(ring, count);
  for (size_t i = 0; i < count; ++i) std::copy_n(factor[0], ring->words(), powers[i]);
  table.PowerTimes(powers[0], Exponents::Random(count, table.exponent_bits()), powers[0]);
  ring->LeaveDigits(powers[0], low, high);
  powers.Wipe();
}

OwnerMasks::OwnerMasks(const PrivateKey& key, MaskStrength strength, const Parallel& parallel)
    : OwnerMasks(key.public_key(), key.ExposePrimes(), strength, parallel) {}

OwnerMasks::OwnerMasks(const PublicKey& key, const PrivateKey::Primes& primes,
                       MaskStrength strength, const Parallel& parallel)
    : MaskSource(key),
      prime_bits_(primes.p.BitLength()),
      by_p_(primes.p, primes.q, MaskBits(strength, key.bits()), key.ring()->isa(), parallel),
      by_q_(primes.q, primes.p, MaskBits(strength, key.bits()), key.ring()->isa(), parallel),
      low_(by_q_.ring->modulus(), by_p_.ring->modulus()),
      high_(primes.q, primes.p),
      by_n_(key.n()) {}

// The number that is a mod p^2 and b mod q^2 is q^2 a' + p^2 b' mod n^2 with a' = a q^-2 mod p^2
// and b' = b p^-2 mod q^2. In digits, a' = x0 + x1 p and b' = y0 + y1 q, it is
// (q^2 x0 + p^2 y0) + (q x1 + p y1) n.
void OwnerMasks::Make(Residues& masks, size_t count) const {
  SecretInts x0(count), x1(count), y0(count), y1(count);
  by_p_.Draw(count, x0, x1);
  by_q_.Draw(count, y0, y1);
  BigInt carry;
  for (size_t i = 0; i < count; ++i) {
    low_.Evaluate(x0[i], y0[i], prime_bits_, x0[i]);
    high_.Evaluate(x1[i], y1[i], prime_bits_, x1[i]);
    by_n_.Divide(x0[i], 3 * prime_bits_ + 1, carry, x0[i]);
    x1[i] += carry;  // below 3 n
  }
  carry.Wipe();
  public_key().ring()->EnterDigits(x0, x1, masks[0]);
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
