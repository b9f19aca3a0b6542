#include "crypto/paillier_encryptor.h"

#include "crypto/random.h"

namespace fate::crypto {
namespace {

// (-x^2)^n mod n^2 for a random x.
BigInt MaskBase(const PaillierPublicKey& key) {
  const BigInt x = Random::Below(key.n() - 2) + 1;
  return (-(x * x)).Mod(key.n()).PowMod(key.n(), key.n_squared());
}

// A random p-th power mod p^2: it lies in the subgroup of the masks, of order p - 1.
BigInt MaskBaseModPrime(const BigInt& p, const BigInt& p_squared) {
  return (Random::Below(p - 2) + 2).PowMod(p, p_squared);
}

BigInt RandomPower(const Montgomery& modulus, const FixedBase& base) {
  BigInt exponent = Random::Bits(base.exponent_bits());
  BigInt power = modulus.Leave(base.Power(exponent));
  exponent.Wipe();
  return power;
}

}  // namespace

PaillierCounters& GlobalPaillierCounters() {
  static PaillierCounters counters;
  return counters;
}

PaillierEncryptor::PaillierEncryptor(const PaillierPublicKey& public_key)
    : public_key_(public_key),
      base_(public_key_.modulus(), MaskBase(public_key_), (public_key_.bits() + 1) / 2) {}

Ciphertext PaillierEncryptor::Encrypt(const BigInt& m) const {
  ++GlobalPaillierCounters().encryptions;
  return Rerandomize(public_key_.EncodeUnmasked(m));
}

Ciphertext PaillierEncryptor::Rerandomize(const Ciphertext& c) const {
  const Montgomery& modulus = public_key_.modulus();
  BigInt r = Random::Bits(base_.exponent_bits());
  Montgomery::Element mask = base_.Power(r), scratch(2 * modulus.limbs());
  r.Wipe();
  ++GlobalPaillierCounters().masks;
  // The mask's factor R and the multiplication's 1/R cancel.
  modulus.Multiply(mask.data(), mask.data(), modulus.Plain(c.value).data(), scratch.data());
  return {modulus.ToBigInt(mask.data())};
}

PaillierOwnerEncryptor::PaillierOwnerEncryptor(const PaillierPrivateKey& key)
    : key_(key),
      p_squared_(key.p_squared_),
      q_squared_(key.q_squared_),
      p_base_(p_squared_, MaskBaseModPrime(key.p_, key.p_squared_), key.p_.BitLength()),
      q_base_(q_squared_, MaskBaseModPrime(key.q_, key.q_squared_), key.q_.BitLength()),
      p_squared_inverse_(*key.p_squared_.InverseMod(key.q_squared_)) {}

Ciphertext PaillierOwnerEncryptor::Encrypt(const BigInt& m) const {
  const BigInt p_mask = RandomPower(p_squared_, p_base_);
  const BigInt q_mask = RandomPower(q_squared_, q_base_);
  const BigInt mask =
      p_mask + ((q_mask - p_mask) * p_squared_inverse_).Mod(key_.q_squared_) * key_.p_squared_;
  ++GlobalPaillierCounters().encryptions;
  ++GlobalPaillierCounters().masks;
  return key_.public_key().Add(key_.public_key().EncodeUnmasked(m), {mask});
}

}  // namespace fate::crypto
