#include "crypto/sharing/ring_shares.h"

#include <openssl/crypto.h>

#include <cmath>
#include <limits>

#include "base/status.h"
#include "crypto/prng/mersenne.h"
#include "crypto/random.h"

namespace fate::crypto {
namespace {

constexpr double kScale = uint64_t{1} << kShareFractionBits;
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();

}  // namespace

absl::StatusOr<std::vector<uint64_t>> EncodeForShares(std::span<const double> values) {
  std::vector<uint64_t> elements(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const double scaled = values[i] * kScale;
    if (!(scaled >= -0x1p63 && scaled < 0x1p63)) {
      return InvalidArgumentError(
          "value {} of the array, {}, does not fit into 64 bits with 24 of them for its fraction; "
          "values below 2^39 do",
          i, values[i]);
    }
    elements[i] = static_cast<uint64_t>(static_cast<int64_t>(scaled));
  }
  return elements;
}

std::vector<double> DecodeFromShares(std::span<const uint64_t> elements) {
  std::vector<double> values(elements.size());
  for (size_t i = 0; i < elements.size(); ++i) {
    values[i] = static_cast<double>(static_cast<int64_t>(elements[i])) / kScale;
  }
  return values;
}

void TruncateShare(std::span<uint64_t> share) {
  for (uint64_t& element : share) {
    const int64_t quotient = static_cast<int64_t>(element) / (int64_t{1} << kShareFractionBits);
    element = static_cast<uint64_t>(quotient);
  }
}

std::vector<std::vector<uint64_t>> SplitIntoShares(std::span<const uint64_t> elements,
                                                   size_t parties) {
  std::vector<std::vector<uint64_t>> shares(parties);
  std::vector<uint64_t> rest(elements.begin(), elements.end());
  for (size_t k = 0; k + 1 < parties; ++k) {
    shares[k].resize(elements.size());
    Random::Fill(shares[k].data(), shares[k].size() * sizeof(uint64_t));
    for (size_t i = 0; i < rest.size(); ++i) rest[i] -= shares[k][i];
  }
  shares.back() = std::move(rest);
  return shares;
}

absl::StatusOr<std::vector<uint64_t>> Sum(std::span<const std::vector<uint64_t>> shares) {
  if (shares.empty()) return InvalidArgumentError("no party has sent its share");
  std::vector<uint64_t> sum = shares.front();
  for (const std::vector<uint64_t>& share : shares.subspan(1)) {
    if (share.size() != sum.size()) {
      return InvalidArgumentError("a party's share has {} elements, that of the first one {}",
                                  share.size(), sum.size());
    }
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += share[i];
  }
  return sum;
}

void ChaChaRingGenerator::Fill(std::span<uint64_t> elements) {
  for (uint64_t& element : elements) element = words_.Next64();
}

TorchRingGenerator::TorchRingGenerator(uint64_t seed) : twister_(SeededTwister(seed)) {}

TorchRingGenerator::~TorchRingGenerator() { OPENSSL_cleanse(&twister_, sizeof(twister_)); }

void TorchRingGenerator::Fill(std::span<uint64_t> elements) {
  for (uint64_t& element : elements) {
    element = static_cast<uint64_t>(TorchRandInt(twister_, kLeast, kGreatest));
  }
}

uint64_t TorchRingGenerator::NextPartitionSeed() {
  return static_cast<uint64_t>(TorchRandInt(twister_, kLeast + 1, kGreatest));
}

std::vector<uint64_t> ZeroShares::Next(size_t count) {
  std::vector<uint64_t> share(count), subtracted(count);
  previous_->Fill(share);
  next_->Fill(subtracted);
  for (size_t i = 0; i < count; ++i) share[i] -= subtracted[i];
  return share;
}

}  // namespace fate::crypto
