#include "crypto/paillier/public_key.h"

#include <algorithm>

#include "base/status.h"
#include "crypto/ring/batch_loop.h"

namespace fate::crypto::paillier {
namespace {

// Plaintexts that are encoded with one scratch.
constexpr size_t kChunk = 64;

}  // namespace

std::string WeakKeyWarning(int bits) {
  if (bits >= kDefaultKeyBits) return "";
  return fmt::format("a Paillier key of {} bits is weak; use {}", bits, kDefaultKeyBits);
}

PublicKey::PublicKey(const BigInt& n, const BigInt& mask_root, Isa isa)
    : ring_(Ring::ModuloSquare(n, isa)),
      numbers_(std::make_shared<const Numbers>(Numbers{n >> 1, mask_root})) {}

absl::StatusOr<PublicKey> PublicKey::Create(const BigInt& n, Isa isa) {
  RETURN_IF_ERROR(CheckKeyBits(n.BitLength()));
  if (n.IsNegative() || HasSmallFactor(n) || n.IsSquare()) {
    return InvalidArgumentError(
        "a number of {} bits is no Paillier modulus: it is negative, a square, or has a factor "
        "below 1000; get the public key anew",
        n.BitLength());
  }
  return PublicKey(n, 0, isa);
}

absl::StatusOr<PublicKey> PublicKey::CreateWithMaskRoot(const BigInt& n, const BigInt& mask_root,
                                                        Isa isa) {
  RETURN_IF_ERROR(Create(n, isa).status());
  if (mask_root < 2 || mask_root >= n - 1 || BigInt::Gcd(mask_root, n) != 1) {
    return InvalidArgumentError(
        "the mask root of a Paillier key of {} bits makes no masks; get the public key anew",
        n.BitLength());
  }
  return PublicKey(n, mask_root, isa);
}

PublicKey PublicKey::WithoutChecks(const BigInt& n, Isa isa) { return PublicKey(n, 0, isa); }

std::string PublicKey::Serialize() const {
  const size_t width = (static_cast<size_t>(bits()) + 7) / 8;
  if (mask_root().IsZero()) return n().ToBytes(width);
  return std::string(1, '\0') + n().ToBytes(width) + mask_root().ToBytes(width);
}

absl::StatusOr<PublicKey> PublicKey::Parse(std::string_view bytes) {
  const bool has_root = bytes.starts_with('\0');
  const size_t width = has_root ? bytes.size() / 2 : bytes.size();
  if (width > kMaxKeyBits / 8 || (has_root && bytes.size() % 2 == 0)) {
    return InvalidArgumentError(
        "{} bytes are no Paillier public key: one of {} bits, the longest, has {}", bytes.size(),
        kMaxKeyBits, kMaxKeyBits / 8);
  }
  if (!has_root) return Create(BigInt::FromBytes(bytes));
  return CreateWithMaskRoot(BigInt::FromBytes(bytes.substr(1, width)),
                            BigInt::FromBytes(bytes.substr(1 + width)));
}

absl::Status PublicKey::CheckRing(const Residues& ciphertexts) const {
  if (ciphertexts.shared_ring() == ring_) return absl::OkStatus();
  if (ciphertexts.shared_ring() == nullptr) return InvalidArgumentError("a vector without a key");
  const Ring& ring = ciphertexts.ring();
  if (ring.is_square() && ring.isa() == ring_->isa() && ring.base() == n()) {
    return absl::OkStatus();
  }
  return InvalidArgumentError("{} ciphertexts are under another key of {} bits", ciphertexts.size(),
                              ring.base().BitLength());
}

absl::Status PublicKey::CheckPlaintexts(std::span<const BigInt> plaintexts) const {
  const BigInt lowest = -max_signed();
  for (size_t i = 0; i < plaintexts.size(); ++i) {
    if (plaintexts[i] >= lowest && plaintexts[i] < n()) continue;
    return OutOfRangeError("plaintext {} of {} has {} bits, too many for a key of {}", i,
                           plaintexts.size(), plaintexts[i].BitLength(), bits());
  }
  return absl::OkStatus();
}

absl::StatusOr<Residues> PublicKey::EncodeUnmasked(std::span<const BigInt> plaintexts,
                                                   const Parallel& parallel) const {
  RETURN_IF_ERROR(CheckPlaintexts(plaintexts));
  Residues encoded(ring_, plaintexts.size());
  parallel.For(plaintexts.size(), ring_->lanes(), [&](size_t begin, size_t end) {
    const std::vector<BigInt> low(std::min(kChunk, end - begin), BigInt(1));
    std::vector<BigInt> high(low.size());
    for (size_t at = begin; at < end; at += kChunk) {
      const size_t count = std::min(kChunk, end - at);
      for (size_t i = 0; i < count; ++i) {
        high[i] = plaintexts[at + i];
        if (high[i].IsNegative()) high[i] += n();
      }
      ring_->EnterDigits(std::span(low).first(count), std::span(high).first(count), encoded[at]);
    }
  });
  return encoded;
}

absl::Status PublicKey::AddPlaintexts(Residues& ciphertexts, std::span<const BigInt> plaintexts,
                                      const Parallel& parallel) const {
  RETURN_IF_ERROR(CheckRing(ciphertexts));
  if (ciphertexts.size() != plaintexts.size()) {
    return InvalidArgumentError("cannot add {} plaintexts to {} ciphertexts", plaintexts.size(),
                                ciphertexts.size());
  }
  ASSIGN_OR_RETURN(const Residues encoded, EncodeUnmasked(plaintexts, parallel));
  ForEachBatch(*ring_, encoded.size(), 2, parallel, [&](Batches& batch, size_t at, size_t count) {
    ring_->LoadSome(batch[0], ciphertexts[at], count);
    ring_->LoadSome(batch[1], encoded[at], count);
    ring_->Multiply(batch[0], batch[0], batch[1]);
    ring_->StoreSome(ciphertexts[at], batch[0], count);
  });
  return absl::OkStatus();
}

}  // namespace fate::crypto::paillier
