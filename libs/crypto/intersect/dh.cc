#include "crypto/intersect/dh.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>

#include <algorithm>

#include "base/status.h"
#include "crypto/agreement/modp_key.h"
#include "crypto/key_checks.h"
#include "crypto/random.h"
#include "crypto/ring/power.h"

namespace fate::crypto::intersect {
namespace {

// RFC 5114 section 2.2, with a subgroup of 224 bits, and section 2.3, of 256.
constexpr const char* kRfc5114Section22 =
    "ad107e1e9123a9d0d660faa79559c51fa20d64e5683b9fd1b54b1597b61d0a75e6fa141df95a56dbaf9a3c40"
    "7ba1df15eb3d688a309c180e1de6b85a1274a0a66d3f8152ad6ac2129037c9edefda4df8d91e8fef55b7394b"
    "7ad5b7d0b6c12207c9f98d11ed34dbf6c6ba0b2c8bbc27be6a00e0a0b9c49708b3bf8a317091883681286130"
    "bc8985db1602e714415d9330278273c7de31efdc7310f7121fd5a07415987d9adc0a486dcdf93acc44328387"
    "315d75e198c641a480cd86a1b9e587e8be60e69cc928b2b9c52172e413042e9b23f10b0e16e79763c9b53dcf"
    "4ba80a29e3fb73c16b8e75b97ef363e2ffa31f71cf9de5384e71b81c0ac4dffe0c10e64f";
constexpr const char* kRfc5114Section23 =
    "87a8e61db4b6663cffbbd19c651959998ceef608660dd0f25d2ceed4435e3b00e00df8f1d61957d4faf7df45"
    "61b2aa3016c3d91134096faa3bf4296d830e9a7c209e0c6497517abd5a8a9d306bcf67ed91f9e6725b4758c0"
    "22e0b1ef4275bf7b6c5bfc11d45f9088b941f54eb1e59bb8bc39a0bf12307f5c4fdb70c581b23f76b63acae1"
    "caa6b7902d52526735488a0ef13c6d9a51bfa4ab3ad8347796524d8ef6a167b5a41825d967e144e514056425"
    "1ccacb83e6b486f6b3ca3f7971506026c0b857f689962856ded4010abd0be621c3a3960a54e710c375f26375"
    "d7014103a4b54330c198af126116d2276e11715f693877fad7ef09cadb094ae91e1a1597";

BigInt FromOpenSsl(BIGNUM* (*prime)(BIGNUM*)) {
  BIGNUM* const number = prime(nullptr);
  char* const hex = BN_bn2hex(number);
  BigInt result = *BigInt::FromHex(hex);
  OPENSSL_free(hex);
  BN_free(number);
  return result;
}

BigInt FromHex(const char* hex) { return *BigInt::FromHex(hex); }

absl::Status CheckPrime(const BigInt& p) {
  RETURN_IF_ERROR(CheckKeyBits(p.IsNegative() ? 0 : p.BitLength()));
  const auto known = StandardPrimes(p.BitLength());
  if (known.ok() && std::find(known->begin(), known->end(), p) != known->end()) {
    return absl::OkStatus();
  }
  if (p.IsOdd() && p.IsProbablePrime()) return absl::OkStatus();
  return InvalidArgumentError(
      "the Diffie-Hellman modulus of {} bits is no prime; the guest must send that of a standard "
      "group, as it always does with key_length 1024",
      p.BitLength());
}

// Whether an exponent is of use modulo p.
bool IsInvertible(const BigInt& exponent, const BigInt& p) {
  return exponent >= 2 && exponent < p && BigInt::Gcd(exponent, p - 1) == 1;
}

}  // namespace

absl::StatusOr<std::vector<BigInt>> StandardPrimes(int bits) {
  switch (bits) {
    case 1024:
      return std::vector{Rfc2409Group2().p, Rfc5114Group1024().p};
    case 2048:
      return std::vector{FromOpenSsl(BN_get_rfc3526_prime_2048), FromHex(kRfc5114Section22),
                         FromHex(kRfc5114Section23)};
    case 3072:
      return std::vector{FromOpenSsl(BN_get_rfc3526_prime_3072)};
    case 4096:
      return std::vector{FromOpenSsl(BN_get_rfc3526_prime_4096)};
    case 6144:
      return std::vector{FromOpenSsl(BN_get_rfc3526_prime_6144)};
    case 8192:
      return std::vector{FromOpenSsl(BN_get_rfc3526_prime_8192)};
    default:
      return InvalidArgumentError(
          "no standard Diffie-Hellman group has {} bits; use a key_length of 1024, 2048, 3072, "
          "4096, 6144 or 8192",
          bits);
  }
}

absl::StatusOr<BigInt> RandomStandardPrime(int bits) {
  ASSIGN_OR_RETURN(const std::vector<BigInt> primes, StandardPrimes(bits));
  const BigInt index = Random::Below(static_cast<int64_t>(primes.size()));
  return primes[static_cast<size_t>(index.ToInt64())];
}

absl::StatusOr<DhCipher> DhCipher::Random(const BigInt& p, Isa isa) {
  RETURN_IF_ERROR(CheckPrime(p));
  BigInt exponent;
  do {
    exponent.Wipe();
    exponent = crypto::Random::Below(p);
  } while (!IsInvertible(exponent, p));
  DhCipher cipher(p, exponent, isa);
  exponent.Wipe();
  return cipher;
}

absl::StatusOr<DhCipher> DhCipher::Create(const BigInt& p, const BigInt& exponent, Isa isa) {
  RETURN_IF_ERROR(CheckPrime(p));
  if (IsInvertible(exponent, p)) return DhCipher(p, exponent, isa);
  return InvalidArgumentError(
      "the Diffie-Hellman exponent is not in [2, p) or shares a factor with p - 1, so that "
      "different ids could become equal; draw another");
}

DhCipher::DhCipher(const BigInt& p, const BigInt& exponent, Isa isa)
    : ring_(Ring::Modulo(p, isa, Secrecy::kSecret)),
      exponent_(exponent),
      inverse_(exponent.InverseMod(p - 1).value_or(BigInt())) {}

DhCipher::DhCipher(DhCipher&&) noexcept = default;
DhCipher& DhCipher::operator=(DhCipher&&) noexcept = default;
DhCipher::~DhCipher() {
  exponent_.Wipe();
  inverse_.Wipe();
}

absl::StatusOr<std::vector<BigInt>> DhCipher::Encrypt(std::span<const BigInt> values,
                                                      const Parallel& parallel) const {
  return Raise(values, exponent_, parallel);
}

absl::StatusOr<std::vector<BigInt>> DhCipher::Decrypt(std::span<const BigInt> values,
                                                      const Parallel& parallel) const {
  return Raise(values, inverse_, parallel);
}

absl::StatusOr<std::vector<BigInt>> DhCipher::Raise(std::span<const BigInt> values,
                                                    const BigInt& exponent,
                                                    const Parallel& parallel) const {
  std::vector<BigInt> powers(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    powers[i] = values[i].Mod(p());
    if (values[i].IsNegative() || powers[i] <= 1 || powers[i] == p() - 1) {
      return InvalidArgumentError(
          "value {} is negative, or 0, 1 or -1 modulo p: no id of a party that follows the "
          "protocol becomes that",
          i);
    }
  }
  parallel.For(values.size(), ring_->lanes(), [&](size_t begin, size_t end) {
    const std::span<BigInt> part = std::span(powers).subspan(begin, end - begin);
    Residues x(ring_, part);
    PowerSecret(*ring_, x[0], x.size(), exponent, p().BitLength(), x[0]);
    ring_->Leave(x[0], part);
  });
  return powers;
}

}  // namespace fate::crypto::intersect
