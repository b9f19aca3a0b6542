#include "crypto/paillier_sum.h"

namespace fate::crypto {

PaillierSum::PaillierSum(const PaillierPublicKey& key)
    : key_(key), product_(key.modulus().Plain(1)), scratch_(2 * key.modulus().limbs()) {}

void PaillierSum::Add(const Montgomery::Element& term) {
  key_.modulus().Multiply(product_.data(), product_.data(), term.data(), scratch_.data());
  ++terms_;
}

Ciphertext PaillierSum::Finish() const {
  const Montgomery& modulus = key_.modulus();
  const BigInt r = modulus.ToBigInt(modulus.one().data());
  const BigInt correction = r.PowMod(BigInt(static_cast<int64_t>(terms_)), modulus.modulus());
  return {(modulus.ToBigInt(product_.data()) * correction).Mod(modulus.modulus())};
}

}  // namespace fate::crypto
