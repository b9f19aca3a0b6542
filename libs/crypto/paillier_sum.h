#pragma once

// A long sum of ciphertexts, one Montgomery multiplication a term. Terms come in as they are;
// the power of R they leave behind is divided out once, by Finish. One thread at a time.

#include <cstdint>

#include "crypto/paillier.h"

namespace fate::crypto {

class PaillierSum {
 public:
  explicit PaillierSum(const PaillierPublicKey& key);

  // `term`: public_key.modulus().Plain(c.value), so that one conversion serves many sums.
  void Add(const Montgomery::Element& term);
  void Add(const Ciphertext& c) { Add(key_.modulus().Plain(c.value)); }
  uint64_t terms() const { return terms_; }
  // The sum so far; of no terms: the unmasked zero.
  Ciphertext Finish() const;

 private:
  PaillierPublicKey key_;
  Montgomery::Element product_, scratch_;  // product of the terms / R^terms
  uint64_t terms_ = 0;
};

}  // namespace fate::crypto
