#pragma once

// A vector of ciphertexts before and after it knows its key: one that was just unpickled, or made
// of zeros, is `loose` until the first operation that names a public key, and then a
// FixedPointVector of that key's ring. Values, and no Python: this runs without the interpreter's
// lock.
//
// No ciphertext leaves unmasked. Where FATE's code asks for no mask, and where nothing but zeros
// were added, Serialize masks what anyone could read.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/encoding/fixed_point.h"
#include "crypto/homomorphic/fixed_point_vector.h"

namespace fate::python {

// A public key of either scheme. Immutable but for tables that are made when first needed; threads
// may share it.
class Key {
 public:
  virtual ~Key() = default;
  virtual const std::shared_ptr<const crypto::Ring>& ring() const = 0;
  // Ciphertexts of significands, in their order; `masked` is a wish that a scheme may overfulfil.
  virtual absl::StatusOr<crypto::Residues> Encrypt(std::span<const crypto::BigInt> significands,
                                                   bool masked,
                                                   const crypto::Parallel& parallel) const = 0;
  virtual absl::Status Rerandomize(crypto::Residues& ciphertexts,
                                   const crypto::Parallel& parallel) const = 0;
  // Whether anyone reads the plaintext of this ciphertext, a residue in [1, modulus).
  virtual bool IsUnmasked(const crypto::BigInt& ciphertext) const = 0;
};

class Ciphertexts {
 public:
  // `count` times the ciphertext 1.
  static Ciphertexts Zeros(size_t count);
  static absl::StatusOr<Ciphertexts> Encrypt(std::shared_ptr<const Key> key,
                                             std::span<const crypto::FixedPointNumber> plaintexts,
                                             bool masked, const crypto::Parallel& parallel);
  // The result of an operation.
  Ciphertexts(std::shared_ptr<const Key> key, crypto::FixedPointVector vector)
      : key_(std::move(key)), vector_(std::move(vector)) {}

  // FATE's bytes (spec/federated-algorithms.md 6.4). Negative and unreduced integers, which FATE
  // writes, are taken, and never written.
  static absl::StatusOr<Ciphertexts> Parse(std::string_view bytes);
  absl::StatusOr<std::string> Serialize(const crypto::Parallel& parallel) const;

  size_t size() const { return key_ == nullptr ? loose_.size() : vector_.size(); }

  // Errors: kInvalidArgument when the ciphertexts were computed with another key, or are none of
  // this one.
  absl::Status Bind(const std::shared_ptr<const Key>& key, const crypto::Parallel& parallel);
  const std::shared_ptr<const Key>& key() const { return key_; }  // null when loose
  const crypto::FixedPointVector& vector() const { return vector_; }
  crypto::FixedPointVector& vector() { return vector_; }

  // Error: kOutOfRange for an index beyond the vector.
  absl::StatusOr<Ciphertexts> Gather(std::span<const size_t> indices) const;
  static absl::StatusOr<Ciphertexts> Concatenate(
      std::span<const std::shared_ptr<Ciphertexts>> parts);

 private:
  Ciphertexts() = default;
  absl::Status MaskUnmasked(std::vector<crypto::BigInt>& values,
                            const crypto::Parallel& parallel) const;

  std::shared_ptr<const Key> key_;
  crypto::FixedPointVector vector_;
  std::vector<crypto::FixedPointNumber> loose_;  // as received: signed, not reduced
};

}  // namespace fate::python
