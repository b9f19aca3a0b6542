#pragma once

// How FATE 1.x's intersections hash ids (spec 5.2): the digest of the text and a salt behind it,
// written as text again.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/big_int.h"
#include "crypto/hash.h"
#include "crypto/parallel.h"

namespace fate::crypto::intersect {

// Immutable; threads may share it.
class IdHash {
 public:
  // method: `none`, or one that HashFunction::Named takes (kInvalidArgument otherwise).
  static absl::StatusOr<IdHash> Create(std::string_view method, std::string_view salt = "");

  // The digest of text + salt; with `none`, text + salt themselves.
  std::string Bytes(std::string_view text) const;
  // Bytes in lower-case hexadecimal, or in base64; with `none`, Hex leaves them as they are.
  std::string Hex(std::string_view text) const;
  std::string Base64(std::string_view text) const;

 private:
  IdHash(std::vector<HashFunction> function, std::string_view salt)
      : function_(std::move(function)), salt_(salt) {}

  std::vector<HashFunction> function_;  // empty: none
  std::string salt_;
};

// int(Hex(id), 16) for each id, as RSA takes them. Error: kInvalidArgument when the method is
// `none` and an id is no hexadecimal number.
absl::StatusOr<std::vector<BigInt>> HashToIntegers(const IdHash& hash,
                                                   std::span<const std::string_view> ids,
                                                   const Parallel& parallel = Inline());

// Hex(decimal text) for each number: the last step of RSA, whose results are joined.
std::vector<std::string> HashNumbers(const IdHash& hash, std::span<const BigInt> numbers,
                                     const Parallel& parallel = Inline());

// The bytes of Hex(id) as one big-endian number for each id, as Diffie and Hellman's variant takes
// them. Error: kInvalidArgument when the method is `none` and an id is empty or not ASCII, which
// FATE turns into numbers in a way of its own.
absl::StatusOr<std::vector<BigInt>> HashToTextIntegers(const IdHash& hash,
                                                       std::span<const std::string_view> ids,
                                                       const Parallel& parallel = Inline());

}  // namespace fate::crypto::intersect
