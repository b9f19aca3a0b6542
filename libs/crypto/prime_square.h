#pragma once

// Logarithms modulo the square of a secret prime: with x = c^e mod p^2, which is 1 mod p,
//   m = L(x) h mod p,  L(x) = (x - 1) / p.
// Both Paillier's decryption (modulo each of its primes) and Okamoto and Uchiyama's are this, with
// their own e and h. In the ring of p^2 an element is x0 + x1 p, and x h = h + h L(x) p: the
// logarithm is its upper digit, and the lower one tells whether c was a ciphertext. Constant in
// time. Immutable.

#include <memory>
#include <span>

#include "crypto/ring/ring.h"
#include "crypto/secret_arithmetic.h"

namespace fate::crypto {

class PrimeSquareLog {
 public:
  // 0 < h < p; exponent: below 2^exponent_bits.
  PrimeSquareLog(const BigInt& p, const BigInt& exponent, int exponent_bits, const BigInt& h,
                 Isa isa);
  PrimeSquareLog(const PrimeSquareLog&) = delete;
  PrimeSquareLog& operator=(const PrimeSquareLog&) = delete;
  ~PrimeSquareLog();

  const BigInt& prime() const { return ring_->base(); }
  const std::shared_ptr<const Ring>& ring() const { return ring_; }  // mod p^2

  // logs[i] of values[i], 0 <= value < 2^value_bits. False when one of them has no logarithm, a
  // multiple of p say, and what stands in its place is wrong.
  bool Log(std::span<const BigInt> values, int value_bits, std::span<BigInt> logs) const;

 private:
  std::shared_ptr<const Ring> ring_;
  SecretDivisor by_prime_, by_square_;
  int square_bits_;
  BigInt exponent_, h_;
  int exponent_bits_;
  Residues h_factor_;
};

}  // namespace fate::crypto
