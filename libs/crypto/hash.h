#pragma once

// Digests of whole messages (OpenSSL): SHA-2 by name of function, and every hash that FATE's
// components let a user choose by the name that stands in their parameters.
//
//   ASSIGN_OR_RETURN(HashFunction sm3, HashFunction::Named("sm3"));
//   std::string digest = sm3.Digest("abc");

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct evp_md_st;

namespace fate::crypto {

std::array<uint8_t, 32> Sha256(std::string_view message);
std::array<uint8_t, 64> Sha512(std::string_view message);

// A value, cheap to copy; threads may share one. MD5 and SHA-1 are here because version 1.x
// names parties and ids by them: nothing that must resist collisions may rest on them.
class HashFunction {
 public:
  // md5, sha1, sha224, sha256, sha384, sha512 or sm3. Error: kInvalidArgument for another name,
  // kUnimplemented when the installed OpenSSL (a FIPS build) leaves the function out.
  static absl::StatusOr<HashFunction> Named(std::string_view name);

  size_t digest_size() const { return digest_size_; }
  // digest_size() raw bytes.
  std::string Digest(std::string_view message) const;
  // The same into room given by the caller: no allocation, for columns of ids.
  void Digest(std::string_view message, uint8_t* digest) const;

 private:
  HashFunction(const evp_md_st* function, size_t digest_size)
      : function_(function), digest_size_(digest_size) {}

  const evp_md_st* function_;  // fetched once per process, never freed
  size_t digest_size_;
};

}  // namespace fate::crypto
