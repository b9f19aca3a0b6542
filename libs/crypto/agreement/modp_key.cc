#include "crypto/agreement/modp_key.h"

#include "base/status.h"
#include "crypto/random.h"

namespace fate::crypto {
namespace {

constexpr int kMinBits = 1024, kMaxBits = 8192;

bool IsBetween2AndMinus2(const BigInt& x, const BigInt& p) { return x >= 2 && x <= p - 2; }

// base^exponent mod p without branches on the exponent; exponent > 0.
BigInt SecretPower(const BigInt& base, const BigInt& exponent, const BigInt& p) {
  BigInt power;
  mpz_powm_sec(power.mpz(), base.mpz(), exponent.mpz(), p.mpz());
  return power;
}

bool IsKnown(const BigInt& p) { return p == Rfc2409Group2().p || p == Rfc5114Group1024().p; }

absl::Status Check(const ModpGroup& group) {
  const int bits = group.p.BitLength();
  if (group.p.IsNegative() || bits < kMinBits || bits > kMaxBits) {
    return InvalidArgumentError("the Diffie-Hellman modulus has {} bits; {} to {} are accepted",
                                bits, kMinBits, kMaxBits);
  }
  if (!IsKnown(group.p) && !(group.p.IsOdd() && group.p.IsProbablePrime())) {
    return InvalidArgumentError(
        "the Diffie-Hellman modulus of {} bits is no prime; the arbiter must send that of a "
        "standard group (RFC 2409 or RFC 5114)",
        bits);
  }
  if (!IsBetween2AndMinus2(group.g, group.p)) {
    return InvalidArgumentError("the Diffie-Hellman generator is not in [2, p - 2]");
  }
  return absl::OkStatus();
}

}  // namespace

ModpGroup Rfc2409Group2() {
  static const BigInt p = *BigInt::FromHex(
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a0879"
      "8e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b"
      "0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff");
  return {p, 2};
}

ModpGroup Rfc5114Group1024() {
  static const BigInt p = *BigInt::FromHex(
      "b10b8f96a080e01dde92de5eae5d54ec52c99fbcfb06a3c69a6a9dca52d23b616073e28675a23d189838ef1e"
      "2ee652c013ecb4aea906112324975c3cd49b83bfaccbdd7d90c4bd7098488e9c219a73724effd6fae5644738"
      "faa31a4ff55bccc0a151af5f0dc8b4bd45bf37df365c1a65e68cfda76d4da708df1fb2bc2e4a4371");
  static const BigInt g = *BigInt::FromHex(
      "a4d1cbd5c3fd34126765a442efb99905f8104dd258ac507fd6406cff14266d31266fea1e5c41564b777e690f"
      "5504f213160217b4b01b886a5e91547f9e2749f4d7fbd7d3b9a92ee1909d0d2263f80a76a6a24c087a091f53"
      "1dbf0a0169b6a28ad662a4d18e73afa32d779d5918d08bc8858f4dcef97c2a24855e6eeb22b3b2e5");
  return {p, g};
}

absl::StatusOr<ModpKey> ModpKey::Random(const ModpGroup& group) {
  RETURN_IF_ERROR(Check(group));
  return ModpKey(group, crypto::Random::Below(group.p - 3) + 2);  // [2, p - 2]
}

ModpKey::ModpKey(const ModpGroup& group, BigInt exponent)
    : group_(group), exponent_(std::move(exponent)) {
  public_value_ = SecretPower(group_.g, exponent_, group_.p);
}

absl::StatusOr<BigInt> ModpKey::Agree(const BigInt& peer_public_value) const {
  if (!IsBetween2AndMinus2(peer_public_value, group_.p)) {
    return InvalidArgumentError("the peer's Diffie-Hellman value is not in [2, p - 2]");
  }
  BigInt shared = SecretPower(peer_public_value, exponent_, group_.p);
  if (!IsBetween2AndMinus2(shared, group_.p)) {
    return InvalidArgumentError(
        "the peer's Diffie-Hellman value has order 1 or 2; it must send a power of g");
  }
  return shared;
}

}  // namespace fate::crypto
