#pragma once

// Decryption modulo one of the two primes: with x = c^(p-1) mod p^2, which is 1 mod p,
//   m = L(x) h mod p,  L(x) = (x - 1) / p,  h = L((1 + n)^(p-1))^-1 = (-q)^-1 mod p.
// In the ring of p^2 an element is x0 + x1 p, and x h = h + h L(x) p: the plaintext is its upper
// digit, and the lower one tells whether c was a ciphertext. Constant in time. Immutable.

#include <memory>
#include <span>

#include "crypto/ring/ring.h"
#include "crypto/secret_arithmetic.h"

namespace fate::crypto::paillier {

class PrimeHalf {
 public:
  // p, q: different odd primes of one length.
  PrimeHalf(const BigInt& p, const BigInt& q, Isa isa);
  PrimeHalf(const PrimeHalf&) = delete;
  PrimeHalf& operator=(const PrimeHalf&) = delete;
  ~PrimeHalf();

  const BigInt& prime() const { return ring_->base(); }
  const std::shared_ptr<const Ring>& ring() const { return ring_; }  // mod p^2

  // plaintexts[i] = Dec(ciphertexts[i]) mod p, 0 <= ciphertext < n^2. False when one of them is a
  // multiple of p, and its plaintext therefore wrong.
  bool Decrypt(std::span<const BigInt> ciphertexts, std::span<BigInt> plaintexts) const;

 private:
  std::shared_ptr<const Ring> ring_;
  SecretDivisor by_prime_, by_square_;
  int square_bits_;
  BigInt order_, h_;  // p - 1
  Residues h_element_;
};

}  // namespace fate::crypto::paillier
