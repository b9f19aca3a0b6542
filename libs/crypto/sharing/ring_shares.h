#pragma once

// Additive secret sharing in Z_2^64 (spec 6.7), the ground of FATE 2.x's SSHE, after CrypTen
// (Knott et al., NeurIPS 2021): a value is the sum of its shares modulo 2^64, each share alone
// is uniform. Reals are fixed point with 24 fraction bits, negative ones in two's complement.
//
//   guest                                     host
//   share = Encode(x) + zero.Next(n)          share = zero.Next(n)
//   sums, multiples of public integers: each party on its own shares
//   products: beaver.h
//   Decode(Sum({own, theirs}))                the same, when the result is for both

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/agreement/x25519.h"
#include "crypto/prng/chacha.h"

namespace fate::crypto {

inline constexpr int kShareFractionBits = 24;

// x 2^24, truncated towards zero as torch does. Error: kInvalidArgument when it is not finite or
// leaves [-2^63, 2^63).
absl::StatusOr<std::vector<uint64_t>> EncodeForShares(std::span<const double> values);
// Exact where a double is. (FATE's decoder gives a float32, which is off by 1 for one negative
// value x in 2^24 / |x|.)
std::vector<double> DecodeFromShares(std::span<const uint64_t> elements);

// Back to 24 fraction bits after a product of two encoded values, on the shares of two parties,
// without interaction (SecureML, S&P 2017, section 4.1): each divides its share. The sum is
// then off by 1 or 2 in the last place, but for one element x in 2^16 / |x|, which is off by
// 2^16: keep products small, or add up many terms before truncating once.
void TruncateShare(std::span<uint64_t> share);

// `parties` shares of the elements: all but the last drawn from the system.
std::vector<std::vector<uint64_t>> SplitIntoShares(std::span<const uint64_t> elements,
                                                   size_t parties);
// Error: kInvalidArgument when there is none, or their sizes differ.
absl::StatusOr<std::vector<uint64_t>> Sum(std::span<const std::vector<uint64_t>> shares);

// Ring elements that two parties draw alike from a seed they share.
class RingGenerator {
 public:
  virtual ~RingGenerator() = default;
  virtual void Fill(std::span<uint64_t> elements) = 0;
};

// For native parties: 256 bits of seed, words nobody else can tell from uniform ones.
class ChaChaRingGenerator : public RingGenerator {
 public:
  explicit ChaChaRingGenerator(const SharedSecret& seed) : words_(seed.bytes) {}
  void Fill(std::span<uint64_t> elements) override;

 private:
  ChaCha20 words_;
};

// For peers of FATE 2.x: torch.randint over the ring. Of the seed only 32 bits count, so shares
// that rest on it hide their values from nobody who can make 2^32 trials.
class TorchRingGenerator : public RingGenerator {
 public:
  explicit TorchRingGenerator(uint64_t seed);
  ~TorchRingGenerator() override;
  void Fill(std::span<uint64_t> elements) override;
  // The seed under which one partition of a distributed tensor is drawn.
  uint64_t NextPartitionSeed();

 private:
  std::mt19937 twister_;
};

// Shares of zero without interaction: party i draws from the generators it has in common with
// its predecessor and its successor in the ring of parties, and takes the difference.
class ZeroShares {
 public:
  ZeroShares(std::unique_ptr<RingGenerator> previous, std::unique_ptr<RingGenerator> next)
      : previous_(std::move(previous)), next_(std::move(next)) {}
  std::vector<uint64_t> Next(size_t count);

 private:
  std::unique_ptr<RingGenerator> previous_, next_;
};

}  // namespace fate::crypto
