#include "crypto/big_int.h"

#include <openssl/crypto.h>

#include <array>
#include <cstdlib>

#include "base/status.h"

namespace fate::crypto {
namespace {

// What a character is worth as a digit; 255 for none.
constexpr std::array<uint8_t, 256> kDigitValues = [] {
  std::array<uint8_t, 256> values{};
  values.fill(255);
  for (uint8_t i = 0; i < 10; ++i) values['0' + i] = i;
  for (uint8_t i = 0; i < 6; ++i) values['a' + i] = values['A' + i] = 10 + i;
  return values;
}();

bool AreDigits(std::string_view text, int base) {
  bool all = true;
  for (const char c : text) all &= kDigitValues[static_cast<uint8_t>(c)] < base;
  return all;
}

absl::StatusOr<BigInt> Parse(std::string_view text, int base) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  BigInt value;
  if (digits.empty() || !AreDigits(digits, base) ||
      mpz_set_str(value.mpz(), std::string(text).c_str(), base) != 0) {
    return InvalidArgumentError("a number of {} characters is not an integer in base {}",
                                text.size(), base);
  }
  return value;
}

std::string Format(mpz_srcptr z, int base) {
  std::string text(mpz_sizeinbase(z, base) + 2, '\0');
  mpz_get_str(text.data(), base, z);
  text.resize(text.find('\0'));
  return text;
}

}  // namespace

BigInt BigInt::FromBytes(std::string_view big_endian) {
  BigInt value;
  mpz_import(value.z_, big_endian.size(), 1, 1, 1, 0, big_endian.data());
  return value;
}

absl::StatusOr<BigInt> BigInt::FromDecimal(std::string_view text) { return Parse(text, 10); }
absl::StatusOr<BigInt> BigInt::FromHex(std::string_view text) { return Parse(text, 16); }

BigInt BigInt::PowerOfTwo(int exponent) {
  BigInt value;
  mpz_setbit(value.z_, static_cast<mp_bitcnt_t>(exponent));
  return value;
}

std::string BigInt::ToBytes(size_t width) const {
  const size_t size = (static_cast<size_t>(BitLength()) + 7) / 8;
  if (size > width) std::abort();  // a caller's error, never an input's
  std::string bytes(width, '\0');
  mpz_export(bytes.data() + (width - size), nullptr, 1, 1, 1, 0, z_);
  return bytes;
}

std::string BigInt::ToDecimal() const { return Format(z_, 10); }
std::string BigInt::ToHex() const { return Format(z_, 16); }

BigInt BigInt::operator-() const {
  BigInt result;
  mpz_neg(result.z_, z_);
  return result;
}

BigInt BigInt::Mod(const BigInt& modulus) const {
  BigInt result;
  mpz_mod(result.z_, z_, modulus.z_);
  return result;
}

BigInt BigInt::PowMod(const BigInt& exponent, const BigInt& modulus) const {
  BigInt result;
  mpz_powm(result.z_, z_, exponent.z_, modulus.z_);
  return result;
}

absl::StatusOr<BigInt> BigInt::InverseMod(const BigInt& modulus) const {
  BigInt result;
  if (mpz_invert(result.z_, z_, modulus.z_) == 0) {
    return InvalidArgumentError("a number of {} bits has no inverse modulo one of {} bits",
                                BitLength(), modulus.BitLength());
  }
  return result;
}

BigInt BigInt::NextPrime() const {
  BigInt result;
  mpz_nextprime(result.z_, z_);
  return result;
}

BigInt BigInt::Gcd(const BigInt& a, const BigInt& b) {
  BigInt result;
  mpz_gcd(result.z_, a.z_, b.z_);
  return result;
}

void BigInt::Wipe() {
  const size_t limbs = mpz_size(z_);
  if (limbs > 0) OPENSSL_cleanse(mpz_limbs_modify(z_, limbs), limbs * sizeof(mp_limb_t));
  mpz_set_ui(z_, 0);
}

}  // namespace fate::crypto
