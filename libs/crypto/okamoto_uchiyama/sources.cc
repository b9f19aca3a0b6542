#include "crypto/okamoto_uchiyama/sources.h"

#include <algorithm>

#include "crypto/ring/batch_loop.h"

namespace fate::crypto::okamoto_uchiyama {
namespace {

// Lengths of plaintexts that have tables of their own: integers, packed numbers, all others.
constexpr int kTableBits[] = {32, 64, 192, kMaxKeyBits};
constexpr int kStatisticalBits = 128;
// Ciphertexts that are made with one scratch.
constexpr size_t kChunk = 64;

Residues Element(const std::shared_ptr<const Ring>& ring, const BigInt& value) {
  return Residues(ring, {&value, 1});
}

// p q k with Dec(1 + p q k) = 1: (1 + p q k)^e mod p^2 is 1 + p q k e, and q k e = L(g^e) mod p.
BigInt CodeOfOne(const PrivateKey& key) {
  const auto [p, q] = key.ExposePrimes();
  const BigInt& order = key.ExposeOrder();
  BigInt log = LogOfPower(key.public_key().g(), order, p);
  BigInt inverse = (order * q).InverseMod(p).value_or(BigInt());
  BigInt code = (log * inverse).Mod(p) * p * q;
  log.Wipe();
  inverse.Wipe();
  return code;
}

}  // namespace

int MaskBits(MaskStrength strength, int key_bits) {
  const int full = key_bits - key_bits / 3 + kStatisticalBits;
  return strength == MaskStrength::kFull ? full : std::min(2 * SecurityBits(key_bits), full);
}

// ---- public ----

PublicSource::PublicSource(const PublicKey& key, MaskStrength strength, const Parallel& parallel)
    : Source(key),
      powers_of_h_(key.ring(), Element(key.ring(), key.h())[0], MaskBits(strength, key.bits()),
                   FixedBaseTable::kDefaultBytes, parallel) {}

const FixedBaseTable& PublicSource::PowersOfG(int bits, const Parallel& parallel) const {
  const PublicKey& key = public_key();
  size_t i = 0;
  while (bits > kTableBits[i]) ++i;
  Powers& powers = powers_of_g_[i];
  std::call_once(powers.once, [&] {
    powers.table = std::make_unique<const FixedBaseTable>(
        key.ring(), Element(key.ring(), key.g())[0],
        std::min(kTableBits[i], key.max_plaintext_bits()), FixedBaseTable::kDefaultBytes, parallel);
  });
  return *powers.table;
}

void PublicSource::Encode(std::span<const BigInt> plaintexts, uint64_t* elements,
                          const Parallel& parallel) const {
  const Exponents exponents(plaintexts);
  PowersOfG(exponents.bits(), parallel).Power(exponents, elements, parallel);
}

void PublicSource::Mask(uint64_t* elements, size_t count, const Parallel& parallel) const {
  powers_of_h_.PowerTimes(elements, Exponents::Random(count, powers_of_h_.exponent_bits()),
                          elements, parallel);
}

// ---- owner ----

OwnerSource::Half::Half(std::shared_ptr<const Ring> half_ring, const BigInt& h, const BigInt& order,
                        const BigInt& other, const Parallel& parallel)
    : ring(std::move(half_ring)),
      order(order),
      table(ring, Element(ring, h.Mod(ring->modulus()))[0], order.BitLength(),
            FixedBaseTable::kDefaultBytes, parallel),
      factor(Element(ring, other.InverseMod(ring->modulus()).value_or(BigInt()))) {}

OwnerSource::Half::~Half() {
  order.Wipe();
  factor.Wipe();
}

Residues OwnerSource::Half::Draw(size_t count) const {
  Residues powers(ring, count);
  for (size_t i = 0; i < count; ++i) std::copy_n(factor[0], ring->words(), powers[i]);
  table.PowerTimes(powers[0], Exponents::RandomBelow(count, order), powers[0]);
  return powers;
}

OwnerSource::OwnerSource(const PrivateKey& key, const Parallel& parallel)
    : Source(key.public_key()),
      by_p_(Ring::ModuloSquare(key.ExposePrimes().p, public_key().ring()->isa(), Secrecy::kSecret),
            public_key().h(), key.ExposeOrder(), key.ExposePrimes().q, parallel),
      by_q_(Ring::Modulo(key.ExposePrimes().q, public_key().ring()->isa(), Secrecy::kSecret),
            public_key().h(), key.ExposePrimes().q - 1, by_p_.ring->modulus(), parallel),
      combine_(by_q_.ring->modulus(), by_p_.ring->base()),
      code_(CodeOfOne(key), BigInt()),
      mod_n_(public_key().n()) {}

OwnerSource::~OwnerSource() = default;

// 1 + p q k m mod n.
void OwnerSource::EncodeSome(std::span<const BigInt> plaintexts, uint64_t* elements) const {
  SecretInts values(plaintexts.size());
  const BigInt zero;
  int bits = 1;
  for (const BigInt& m : plaintexts) bits = std::max(bits, m.BitLength());
  for (size_t i = 0; i < plaintexts.size(); ++i) {
    code_.Evaluate(plaintexts[i], zero, bits, values[i]);
    mod_n_.Reduce(values[i], public_key().bits() + bits, values[i]);
    values[i] += 1;
  }
  public_key().ring()->Enter(values, elements);
}

void OwnerSource::Encode(std::span<const BigInt> plaintexts, uint64_t* elements,
                         const Parallel& parallel) const {
  const size_t words = public_key().ring()->words();
  parallel.For(plaintexts.size(), kMaxLanes, [&](size_t begin, size_t end) {
    for (size_t at = begin; at < end; at += kChunk) {
      EncodeSome(plaintexts.subspan(at, std::min(kChunk, end - at)), elements + at * words);
    }
  });
}

// The number that is a mod p^2 and b mod q is q a' + p^2 b' mod n with a' = a / q mod p^2, of
// digits x0 + x1 p, and b' = b / p^2 mod q: q x0 + p (q x1 + p b'), below 2 n.
void OwnerSource::MakeMasks(uint64_t* masks, size_t count) const {
  Residues mod_p_squared = by_p_.Draw(count), mod_q = by_q_.Draw(count);
  SecretInts x0(count), x1(count), b(count);
  by_p_.ring->LeaveDigits(mod_p_squared[0], x0, x1);
  by_q_.ring->Leave(mod_q[0], b);
  mod_p_squared.Wipe();
  mod_q.Wipe();
  const int prime_bits =
      std::max(by_p_.ring->base().BitLength(), by_q_.ring->modulus().BitLength());
  for (size_t i = 0; i < count; ++i) {
    combine_.Evaluate(x1[i], b[i], prime_bits, x1[i]);
    combine_.Evaluate(x0[i], x1[i], 2 * prime_bits + 1, x0[i]);
    mod_n_.Reduce(x0[i], public_key().bits() + 1, x0[i]);
  }
  public_key().ring()->Enter(x0, masks);
}

void OwnerSource::Mask(uint64_t* elements, size_t count, const Parallel& parallel) const {
  const Ring& ring = *public_key().ring();
  parallel.For(count, ring.lanes(), [&](size_t begin, size_t end) {
    Residues masks(public_key().ring(), std::min(kChunk, end - begin));
    for (size_t at = begin; at < end; at += kChunk) {
      const size_t chunk = std::min(kChunk, end - at);
      MakeMasks(masks[0], chunk);
      ForEachBatch(ring, chunk, 2, Inline(), [&](Batches& batch, size_t i, size_t some) {
        ring.LoadSome(batch[0], elements + (at + i) * ring.words(), some);
        ring.LoadSome(batch[1], masks[i], some);
        ring.Multiply(batch[0], batch[0], batch[1]);
        ring.StoreSome(elements + (at + i) * ring.words(), batch[0], some);
      });
    }
    masks.Wipe();
  });
}

}  // namespace fate::crypto::okamoto_uchiyama
