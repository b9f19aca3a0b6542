#pragma once

// Additively homomorphic encryption after Paillier (EUROCRYPT '99) with g = n + 1
// (spec/federated-algorithms.md 6.1), on vectors.
//
//   guest                                       host
//   PrivateKey::Generate (private_key.h)
//   Encryptor::Encrypt (encryptor.h)  -- c -->  ParseCiphertexts; sums, products (homomorphic/)
//   PrivateKey::Decrypt               <-- c --  Encryptor::Rerandomize
//
// A ciphertext is the least non-negative residue mod n^2; at work, vectors of them are Residues of
// the key's ring. A plaintext is a residue mod n; signed ones are those up to n / 2 in magnitude,
// -5 being n - 5. Anyone who knows n reads the plaintext of an unmasked ciphertext, 1 + n m: only
// an Encryptor makes what may leave the party. Keys are immutable, threads may share them.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/big_int.h"
#include "crypto/key_checks.h"
#include "crypto/parallel.h"
#include "crypto/ring/ring.h"

namespace fate::crypto::paillier {

using crypto::CheckKeyBits;

// What a person should be told about an accepted length below 2048 bits; empty for a longer one.
std::string WeakKeyWarning(int bits);

// Copies share one state.
class PublicKey {
 public:
  // n: 1024..8192 bits, odd, not a square and without a factor below 1000, as every product of
  // two primes is (other numbers were garbled). Error: kInvalidArgument.
  static absl::StatusOr<PublicKey> Create(const BigInt& n, Isa isa = BestIsa());
  // Any odd n of at most kMaxKeyBits: of a private key, or the small ones of test vectors.
  static PublicKey WithoutChecks(const BigInt& n, Isa isa = BestIsa());
  // With a mask root (below), 1 < root < n - 1, which shares no factor with n (checked).
  static absl::StatusOr<PublicKey> CreateWithMaskRoot(const BigInt& n, const BigInt& mask_root,
                                                      Isa isa = BestIsa());
  // Big-endian bytes of n, or a zero, n and the mask root; Parse checks what Create checks.
  std::string Serialize() const;
  static absl::StatusOr<PublicKey> Parse(std::string_view bytes);

  const BigInt& n() const { return ring_->base(); }
  const BigInt& n_squared() const { return ring_->modulus(); }
  int bits() const { return n().BitLength(); }
  // Residues mod n^2.
  const std::shared_ptr<const Ring>& ring() const { return ring_; }
  // Error: kInvalidArgument unless the ciphertexts are of a ring with the same form as ring().
  absl::Status CheckRing(const Residues& ciphertexts) const;
  friend bool operator==(const PublicKey& a, const PublicKey& b) {
    return a.n() == b.n() && a.mask_root() == b.mask_root();
  }

  // A number whose n-th powers are the masks of a subgroup key (PrivateKey::GenerateSubgroup); 0
  // of any other.
  const BigInt& mask_root() const { return numbers_->mask_root; }

  // floor(n / 2): signed plaintexts lie in [-max_signed, max_signed].
  const BigInt& max_signed() const { return numbers_->max_signed; }
  // The signed number that a plaintext in [0, n) stands for.
  BigInt ToSigned(const BigInt& m) const { return m > max_signed() ? m - n() : m; }
  // OK for values in [-max_signed, n). Error: kOutOfRange that names the first other one.
  absl::Status CheckPlaintexts(std::span<const BigInt> plaintexts) const;

  // 1 + n m for plaintexts in [-max_signed, n) (checked: kOutOfRange), which anyone can read. For
  // neutral elements, adding plaintexts, and tests.
  absl::StatusOr<Residues> EncodeUnmasked(std::span<const BigInt> plaintexts,
                                          const Parallel& parallel = Inline()) const;
  // ciphertexts[i] becomes one of its plaintext + plaintexts[i], as masked as it was. Errors:
  // kInvalidArgument for another key or another length, kOutOfRange as above.
  absl::Status AddPlaintexts(Residues& ciphertexts, std::span<const BigInt> plaintexts,
                             const Parallel& parallel = Inline()) const;

 private:
  struct Numbers {
    BigInt max_signed, mask_root;
  };
  PublicKey(const BigInt& n, const BigInt& mask_root, Isa isa);

  std::shared_ptr<const Ring> ring_;
  std::shared_ptr<const Numbers> numbers_;
};

}  // namespace fate::crypto::paillier
