#pragma once

// An integer of any size: a value type over GMP's mpz. Bytes are big-endian magnitudes.
// Division truncates towards zero as in C++; Mod gives the least non-negative residue.
// Not constant in time; a key's owner calls Wipe() on what must not stay in memory.

#include <gmp.h>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace fate::crypto {

class BigInt {
 public:
  BigInt() { mpz_init(z_); }
  BigInt(int64_t value) { mpz_init_set_si(z_, value); }  // NOLINT: integers convert freely
  BigInt(const BigInt& other) { mpz_init_set(z_, other.z_); }
  BigInt(BigInt&& other) noexcept {
    mpz_init(z_);
    mpz_swap(z_, other.z_);
  }
  BigInt& operator=(const BigInt& other) {
    mpz_set(z_, other.z_);
    return *this;
  }
  BigInt& operator=(BigInt&& other) noexcept {
    mpz_swap(z_, other.z_);
    return *this;
  }
  ~BigInt() { mpz_clear(z_); }

  static BigInt FromBytes(std::string_view big_endian);
  // An optional minus sign and digits, nothing else. Error: kInvalidArgument.
  static absl::StatusOr<BigInt> FromDecimal(std::string_view text);
  static absl::StatusOr<BigInt> FromHex(std::string_view text);
  static BigInt PowerOfTwo(int exponent);

  // Magnitude in exactly `width` bytes, which must be enough (checked).
  std::string ToBytes(size_t width) const;
  std::string ToDecimal() const;
  std::string ToHex() const;
  // Valid when FitsInt64().
  int64_t ToInt64() const { return mpz_get_si(z_); }
  bool FitsInt64() const { return mpz_fits_slong_p(z_) != 0; }

  bool IsZero() const { return mpz_sgn(z_) == 0; }
  bool IsNegative() const { return mpz_sgn(z_) < 0; }
  bool IsOdd() const { return mpz_odd_p(z_) != 0; }
  int BitLength() const { return IsZero() ? 0 : static_cast<int>(mpz_sizeinbase(z_, 2)); }
  bool Bit(int index) const { return mpz_tstbit(z_, static_cast<mp_bitcnt_t>(index)) != 0; }
  bool IsProbablePrime() const { return mpz_probab_prime_p(z_, 32) != 0; }

  BigInt& operator+=(const BigInt& b) { return mpz_add(z_, z_, b.z_), *this; }
  BigInt& operator-=(const BigInt& b) { return mpz_sub(z_, z_, b.z_), *this; }
  BigInt& operator*=(const BigInt& b) { return mpz_mul(z_, z_, b.z_), *this; }
  BigInt& operator/=(const BigInt& b) { return mpz_tdiv_q(z_, z_, b.z_), *this; }
  BigInt& operator<<=(int bits) { return mpz_mul_2exp(z_, z_, bits), *this; }
  BigInt& operator>>=(int bits) { return mpz_fdiv_q_2exp(z_, z_, bits), *this; }
  friend BigInt operator+(BigInt a, const BigInt& b) { return std::move(a += b); }
  friend BigInt operator-(BigInt a, const BigInt& b) { return std::move(a -= b); }
  friend BigInt operator*(BigInt a, const BigInt& b) { return std::move(a *= b); }
  friend BigInt operator/(BigInt a, const BigInt& b) { return std::move(a /= b); }
  friend BigInt operator<<(BigInt a, int bits) { return std::move(a <<= bits); }
  friend BigInt operator>>(BigInt a, int bits) { return std::move(a >>= bits); }
  BigInt operator-() const;

  // quotient = floor(this / divisor), and the rest in [0, divisor); divisor > 0.
  void FloorDivide(const BigInt& divisor, BigInt& quotient, BigInt& remainder) const {
    mpz_fdiv_qr(quotient.z_, remainder.z_, z_, divisor.z_);
  }
  // Least non-negative residue; modulus > 0.
  BigInt Mod(const BigInt& modulus) const;
  // this^exponent mod modulus; exponent >= 0.
  BigInt PowMod(const BigInt& exponent, const BigInt& modulus) const;
  // Error: kInvalidArgument when this and modulus share a factor.
  absl::StatusOr<BigInt> InverseMod(const BigInt& modulus) const;
  BigInt NextPrime() const;
  bool IsSquare() const { return mpz_perfect_square_p(z_) != 0; }
  bool IsDivisibleBy(const BigInt& divisor) const { return mpz_divisible_p(z_, divisor.z_) != 0; }
  static BigInt Gcd(const BigInt& a, const BigInt& b);

  // Overwrites the digits with zeros; the value is 0 afterwards.
  void Wipe();

  friend bool operator==(const BigInt& a, const BigInt& b) { return mpz_cmp(a.z_, b.z_) == 0; }
  friend std::strong_ordering operator<=>(const BigInt& a, const BigInt& b) {
    return mpz_cmp(a.z_, b.z_) <=> 0;
  }

  // For mpn-level code.
  mpz_srcptr mpz() const { return z_; }
  mpz_ptr mpz() { return z_; }

 private:
  mpz_t z_;
};

}  // namespace fate::crypto
