#include "crypto/intersect/id_hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <atomic>

#include "base/status.h"
#include "base/text.h"

namespace fate::crypto::intersect {
namespace {

constexpr size_t kGrain = 64;  // ids that a thread takes at once
constexpr size_t kNone = SIZE_MAX;

void KeepSmaller(std::atomic<size_t>& smallest, size_t value) {
  size_t current = smallest;
  while (value < current && !smallest.compare_exchange_weak(current, value)) {
  }
}

// out[i] = convert(ids[i]), which says whether it could; else the first index that it could not.
template <class Convert>
size_t ConvertAll(std::span<const std::string_view> ids, std::vector<BigInt>& out,
                  const Parallel& parallel, const Convert& convert) {
  out.resize(ids.size());
  std::atomic<size_t> culprit = kNone;
  parallel.For(ids.size(), kGrain, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      if (!convert(ids[i], out[i])) return KeepSmaller(culprit, i);
    }
  });
  return culprit;
}

}  // namespace

absl::StatusOr<IdHash> IdHash::Create(std::string_view method, std::string_view salt) {
  if (method == "none") return IdHash({}, salt);
  ASSIGN_OR_RETURN(const HashFunction function, HashFunction::Named(method));
  return IdHash({function}, salt);
}

std::string IdHash::Bytes(std::string_view text) const {
  if (salt_.empty()) return function_.empty() ? std::string(text) : function_[0].Digest(text);
  const std::string salted = std::string(text).append(salt_);
  return function_.empty() ? salted : function_[0].Digest(salted);
}

std::string IdHash::Hex(std::string_view text) const {
  return function_.empty() ? Bytes(text) : HexEncode(Bytes(text));
}

std::string IdHash::Base64(std::string_view text) const {
  const std::string bytes = Bytes(text);
  std::string result((bytes.size() + 2) / 3 * 4, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()),  // writes a final 0, too
                  reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  return result;
}

absl::StatusOr<std::vector<BigInt>> HashToIntegers(const IdHash& hash,
                                                   std::span<const std::string_view> ids,
                                                   const Parallel& parallel) {
  std::vector<BigInt> numbers;
  const size_t culprit =
      ConvertAll(ids, numbers, parallel, [&](std::string_view id, BigInt& number) {
        absl::StatusOr<BigInt> parsed = BigInt::FromHex(hash.Hex(id));
        if (!parsed.ok() || parsed->IsNegative()) return false;
        number = *std::move(parsed);
        return true;
      });
  if (culprit == kNone) return numbers;
  return InvalidArgumentError(
      "id {} is no hexadecimal number, which hash_method none needs; choose sha256", culprit);
}

std::vector<std::string> HashNumbers(const IdHash& hash, std::span<const BigInt> numbers,
                                     const Parallel& parallel) {
  std::vector<std::string> digests(numbers.size());
  parallel.For(numbers.size(), kGrain, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) digests[i] = hash.Hex(numbers[i].ToDecimal());
  });
  return digests;
}

absl::StatusOr<std::vector<BigInt>> HashToTextIntegers(const IdHash& hash,
                                                       std::span<const std::string_view> ids,
                                                       const Parallel& parallel) {
  std::vector<BigInt> numbers;
  const size_t culprit =
      ConvertAll(ids, numbers, parallel, [&](std::string_view id, BigInt& number) {
        const std::string text = hash.Hex(id);
        number = BigInt::FromBytes(text);
        return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
          return static_cast<unsigned char>(c) < 0x80;
        });
      });
  if (culprit == kNone) return numbers;
  return InvalidArgumentError(
      "id {} is empty or not ASCII, which hash_method none cannot encrypt; choose sha256", culprit);
}

}  // namespace fate::crypto::intersect
