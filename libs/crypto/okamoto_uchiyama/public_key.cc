#include "crypto/okamoto_uchiyama/public_key.h"

#include "base/status.h"
#include "crypto/encoding/fate_keys.h"
#include "crypto/ring/power.h"

namespace fate::crypto::okamoto_uchiyama {
absl::StatusOr<PublicKey> PublicKey::Create(const BigInt& n, const BigInt& g, const BigInt& h,
                                            Isa isa) {
  RETURN_IF_ERROR(CheckKeyBits(n.BitLength()));
  if (n.IsNegative() || HasSmallFactor(n) || mpz_perfect_square_p(n.mpz()) != 0) {
    return InvalidArgumentError(
        "a number of {} bits is no Okamoto-Uchiyama modulus: it is negative, a square, or has a "
        "factor below 1000; get the public key anew",
        n.BitLength());
  }
  if (g <= BigInt(1) || g >= n || BigInt::Gcd(g, n) != BigInt(1) || h == BigInt(1) ||
      g.PowMod(n, n) != h) {
    return InvalidArgumentError(
        "the bases of an Okamoto-Uchiyama key of {} bits do not fit it; get the public key anew",
        n.BitLength());
  }
  return PublicKey(n, g, h, isa);
}

PublicKey PublicKey::WithoutChecks(const BigInt& n, const BigInt& g, const BigInt& h, Isa isa) {
  return PublicKey(n, g, h, isa);
}

std::string PublicKey::Serialize() const { return SerializeOuPublicKey({n(), g(), h()}); }

absl::StatusOr<PublicKey> PublicKey::Parse(std::string_view bytes) {
  ASSIGN_OR_RETURN(const EncodedOuPublicKey key, ParseOuPublicKey(bytes));
  return Create(key.n, key.g, key.h);
}

absl::Status PublicKey::CheckPlaintexts(std::span<const BigInt> plaintexts) const {
  for (size_t i = 0; i < plaintexts.size(); ++i) {
    if (plaintexts[i].IsNegative()) {
      return OutOfRangeError(
          "plaintext {} of {} is negative, which Okamoto-Uchiyama cannot encrypt; use Paillier", i,
          plaintexts.size());
    }
    if (plaintexts[i].BitLength() > max_plaintext_bits()) {
      return OutOfRangeError("plaintext {} of {} has {} bits, too many for a key of {}", i,
                             plaintexts.size(), plaintexts[i].BitLength(), bits());
    }
  }
  return absl::OkStatus();
}

absl::Status PublicKey::CheckRing(const Residues& ciphertexts) const {
  if (ciphertexts.shared_ring() == ring_) return absl::OkStatus();
  if (ciphertexts.shared_ring() == nullptr) return InvalidArgumentError("a vector without a key");
  const Ring& ring = ciphertexts.ring();
  if (!ring.is_square() && ring.isa() == ring_->isa() && ring.modulus() == n()) {
    return absl::OkStatus();
  }
  return InvalidArgumentError("{} ciphertexts are under another key of {} bits", ciphertexts.size(),
                              ring.modulus().BitLength());
}

absl::StatusOr<Residues> PublicKey::EncodeUnmasked(std::span<const BigInt> plaintexts,
                                                   const Parallel& parallel) const {
  RETURN_IF_ERROR(CheckPlaintexts(plaintexts));
  Residues encoded(ring_, std::vector<BigInt>(plaintexts.size(), g()));
  if (encoded.size() > 0) {
    PowerEach(*ring_, encoded[0], Exponents(plaintexts), encoded[0], parallel);
  }
  return encoded;
}

}  // namespace fate::crypto::okamoto_uchiyama
