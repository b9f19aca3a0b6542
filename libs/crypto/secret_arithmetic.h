#pragma once

// Arithmetic on numbers whose length is public and whose value is not: GMP's mpn_sec functions,
// whose time and memory accesses depend on lengths alone. A BigInt that comes in or goes out drops
// the zero limbs at its top, which a secret residue has with a chance of 2^-64.

#include <span>
#include <vector>

#include "crypto/big_int.h"

namespace fate::crypto {

// Numbers that are overwritten with zeros when they go.
class SecretInts {
 public:
  explicit SecretInts(size_t count) : values_(count) {}
  SecretInts(const SecretInts&) = delete;
  SecretInts& operator=(const SecretInts&) = delete;
  ~SecretInts() {
    for (BigInt& value : values_) value.Wipe();
  }
  BigInt& operator[](size_t index) { return values_[index]; }
  operator std::span<BigInt>() { return values_; }        // NOLINT: a span in all but name
  operator std::span<const BigInt>() { return values_; }  // NOLINT

 private:
  std::vector<BigInt> values_;
};

// Division by one secret number, after Barrett (CRYPTO '86): two products. Values more than twice
// as long as it take a plain division.
class SecretDivisor {
 public:
  // divisor: 1 or more, at most 16384 bits.
  explicit SecretDivisor(const BigInt& divisor);
  SecretDivisor(const SecretDivisor&) = delete;
  SecretDivisor& operator=(const SecretDivisor&) = delete;
  ~SecretDivisor();

  // 0 <= value < 2^bits, bits at most 16384. A result may be `value`.
  void Divide(const BigInt& value, int bits, BigInt& quotient, BigInt& remainder) const {
    Divide(value, bits, &quotient, remainder);
  }
  void Reduce(const BigInt& value, int bits, BigInt& remainder) const {
    Divide(value, bits, nullptr, remainder);
  }

 private:
  // What Divide and Reduce share: null for a quotient that is not wanted.
  void Divide(const BigInt& value, int bits, BigInt* quotient, BigInt& remainder) const;
  std::vector<mp_limb_t> divisor_;     // and a limb of 0
  std::vector<mp_limb_t> reciprocal_;  // floor(2^(128 limbs) / divisor); of a power of 2^64 none
};

// a x + b y for secret constants a and b.
class SecretSum {
 public:
  // 0 <= a, b; all four below 2^8192.
  SecretSum(const BigInt& a, const BigInt& b);
  SecretSum(const SecretSum&) = delete;
  SecretSum& operator=(const SecretSum&) = delete;
  ~SecretSum();

  // 0 <= x, y < 2^bits. out may be x or y.
  void Evaluate(const BigInt& x, const BigInt& y, int bits, BigInt& out) const;

 private:
  std::vector<mp_limb_t> a_, b_;  // of one size
};

// Chinese remainders for two secret primes of one length, p < q.
class SecretCrt {
 public:
  SecretCrt(const BigInt& p, const BigInt& q);
  SecretCrt(const SecretCrt&) = delete;
  SecretCrt& operator=(const SecretCrt&) = delete;
  ~SecretCrt();

  // The number below p q that is `a` mod p and `b` mod q; 0 <= a < p, 0 <= b < q. After Garner.
  void Combine(const BigInt& a, const BigInt& b, BigInt& out) const;

 private:
  std::vector<mp_limb_t> p_, q_, p_inverse_;  // of one size
};

}  // namespace fate::crypto
