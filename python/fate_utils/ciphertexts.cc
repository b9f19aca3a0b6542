#include "fate_utils/ciphertexts.h"

#include <algorithm>

#include "base/status.h"
#include "crypto/encoding/fate_vectors.h"

namespace fate::python {

using crypto::BigInt;
using crypto::FixedPointNumber;
using crypto::FixedPointVector;
using crypto::Parallel;
using crypto::Residues;

namespace {

constexpr int kLongestCiphertextBits = 4 * 8192;  // n^2, and unreduced products

}  // namespace

Ciphertexts Ciphertexts::Zeros(size_t count) {
  Ciphertexts zeros;
  zeros.loose_.assign(count, {BigInt(1), 0});
  return zeros;
}

absl::StatusOr<Ciphertexts> Ciphertexts::Encrypt(std::shared_ptr<const Key> key,
                                                 std::span<const FixedPointNumber> plaintexts,
                                                 bool masked, const Parallel& parallel) {
  std::vector<BigInt> significands;
  std::vector<int32_t> exponents;
  for (const FixedPointNumber& plaintext : plaintexts) {
    significands.push_back(plaintext.significand);
    exponents.push_back(plaintext.exponent);
  }
  ASSIGN_OR_RETURN(Residues residues, key->Encrypt(significands, masked, parallel));
  return Ciphertexts(std::move(key), FixedPointVector(std::move(residues), std::move(exponents)));
}

absl::StatusOr<Ciphertexts> Ciphertexts::Parse(std::string_view bytes) {
  Ciphertexts result;
  // Vectors of plaintexts have the same layout, and need no modulus.
  ASSIGN_OR_RETURN(result.loose_, crypto::ParsePlaintexts(bytes, kLongestCiphertextBits));
  return result;
}

absl::StatusOr<std::string> Ciphertexts::Serialize(const Parallel& parallel) const {
  if (key_ == nullptr) return crypto::SerializePlaintexts(loose_);
  std::vector<BigInt> values = vector_.ciphertexts().Leave();
  RETURN_IF_ERROR(MaskUnmasked(values, parallel));
  // A zero that is masked now must not be known by its exponent.
  std::vector<int32_t> exponents(vector_.exponents().begin(), vector_.exponents().end());
  const auto least = std::min_element(exponents.begin(), exponents.end());
  const int32_t of_zeros =
      least == exponents.end() || *least == FixedPointVector::kNeutral ? 0 : *least;
  std::replace(exponents.begin(), exponents.end(), FixedPointVector::kNeutral, of_zeros);
  return crypto::SerializeCiphertexts(values, exponents);
}

absl::Status Ciphertexts::MaskUnmasked(std::vector<BigInt>& values,
                                       const Parallel& parallel) const {
  std::vector<size_t> indices;
  for (size_t i = 0; i < values.size(); ++i) {
    if (key_->IsUnmasked(values[i])) indices.push_back(i);
  }
  if (indices.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(Residues some, crypto::Gather(vector_.ciphertexts(), indices));
  RETURN_IF_ERROR(key_->Rerandomize(some, parallel));
  std::vector<BigInt> masked = some.Leave();
  for (size_t i = 0; i < indices.size(); ++i) values[indices[i]] = std::move(masked[i]);
  return absl::OkStatus();
}

absl::Status Ciphertexts::Bind(const std::shared_ptr<const Key>& key, const Parallel& parallel) {
  const BigInt& modulus = key->ring()->modulus();
  if (key_ != nullptr) {
    if (key_->ring()->modulus() != modulus) {
      return InvalidArgumentError("these ciphertexts were computed with another public key");
    }
    key_ = key;
    return absl::OkStatus();
  }
  std::vector<BigInt> values;
  std::vector<int32_t> exponents;
  for (const FixedPointNumber& number : loose_) {
    values.push_back(number.significand.Mod(modulus));
    if (values.back().IsZero()) {
      return InvalidArgumentError("ciphertext {} of {} is 0 modulo this key's modulus",
                                  values.size() - 1, loose_.size());
    }
    const bool is_neutral = values.back() == BigInt(1);
    exponents.push_back(is_neutral ? FixedPointVector::kNeutral : number.exponent);
  }
  Residues residues(key->ring(), values.size());
  parallel.For(values.size(), 16, [&](size_t begin, size_t end) {
    key->ring()->Enter(std::span(values).subspan(begin, end - begin), residues[begin]);
  });
  vector_ = FixedPointVector(std::move(residues), std::move(exponents));
  loose_ = {};
  key_ = key;
  return absl::OkStatus();
}

absl::StatusOr<Ciphertexts> Ciphertexts::Gather(std::span<const size_t> indices) const {
  for (size_t index : indices) {
    if (index >= size()) {
      return absl::OutOfRangeError(
          fmt::format("there is no ciphertext {} in a vector of {}", index, size()));
    }
  }
  if (key_ != nullptr) {
    ASSIGN_OR_RETURN(FixedPointVector gathered, crypto::Gather(vector_, indices));
    return Ciphertexts(key_, std::move(gathered));
  }
  Ciphertexts result;
  result.loose_.reserve(indices.size());
  for (size_t index : indices) result.loose_.push_back(loose_[index]);
  return result;
}

absl::StatusOr<Ciphertexts> Ciphertexts::Concatenate(
    std::span<const std::shared_ptr<Ciphertexts>> parts) {
  std::shared_ptr<const Key> key;
  for (const auto& part : parts) {
    if (part->key_ != nullptr) key = part->key_;
  }
  Ciphertexts result;
  std::vector<Ciphertexts> bound;  // copies of those that were loose
  bound.reserve(parts.size());
  std::vector<const FixedPointVector*> vectors;
  for (const auto& part : parts) {
    if (key == nullptr) {
      result.loose_.insert(result.loose_.end(), part->loose_.begin(), part->loose_.end());
      continue;
    }
    const Ciphertexts* vector = part.get();
    if (part->key_ != key) {
      bound.push_back(*part);
      RETURN_IF_ERROR(bound.back().Bind(key, crypto::Inline()));
      vector = &bound.back();
    }
    vectors.push_back(&vector->vector_);
  }
  if (key == nullptr) return result;
  ASSIGN_OR_RETURN(FixedPointVector all, crypto::Concatenate(vectors));
  return Ciphertexts(key, std::move(all));
}

}  // namespace fate::python
