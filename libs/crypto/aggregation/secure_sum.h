#pragma once

// Secure aggregation of FATE 2.x (spec 7.1): the aggregator learns the sum of the clients'
// arrays, and no client's own.
//
//   client i                                              aggregator
//   Masker(rank, secrets with the others)
//   Mask(array, weight)    -- arrays, weight -->          MaskedSum::Add for each client
//                          <-- mean of the arrays --      MaskedSum::Finish
//
// A value is split in its fraction and its integer part. For every other client a draw R in
// [-1e7, 1e7) is made from the generator that the two share; the one of higher rank adds R's
// fraction and integer part to its own two, the other subtracts them, and all masks cancel in
// the sum: the integer ones exactly, fractions to about 1e-16 for each pair.
//
// What shows: values of 1e7 and more are too large for their masks to hide, and a masked fraction
// beyond 1 tells the sign of what it hides, as a masked integer beyond 1e7 does. An aggregator that
// colludes with all clients but one knows that one's values, as the sum alone would tell it.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/agreement/x25519.h"
#include "crypto/parallel.h"

namespace fate::crypto {

// One draw: a word of ChaCha20 as a double in [-1e7, 1e7). Bit-exact with rand 0.8's Uniform.
double MaskDraw(uint64_t word);

struct MaskedArray {
  std::vector<double> fractions, integers;  // of one length
};

// One client. The generators go on over arrays and rounds, so all clients mask arrays of the same
// lengths in the same order. One thread at a time.
class Masker {
 public:
  // secrets: with each other client, by rank. Error: kInvalidArgument when there is none, or one
  // under this client's own rank.
  static absl::StatusOr<Masker> Create(int rank, std::map<int, SharedSecret> secrets);

  // values[i] * weight, masked. Error: kInvalidArgument, before anything is drawn, when a product
  // is no number or 2^51 or more: there the masks would no longer cancel, or not hide.
  // About 25 ns for each value and other client.
  absl::StatusOr<MaskedArray> Mask(std::span<const double> values, double weight = 1.0,
                                   const Parallel& parallel = Inline());

  // How many draws each generator has given.
  uint64_t draws() const { return draws_; }

 private:
  Masker(int rank, std::map<int, SharedSecret> secrets)
      : rank_(rank), secrets_(std::move(secrets)) {}
  void AddMasks(size_t begin, size_t end, MaskedArray& masked) const;

  int rank_;
  std::map<int, SharedSecret> secrets_;
  uint64_t draws_ = 0;
};

// Lists of arrays added element by element.
class ArraySum {
 public:
  // Error: kInvalidArgument when the shapes are not those of the first client.
  absl::Status Add(std::span<const std::span<const double>> arrays);
  const std::vector<std::vector<double>>& arrays() const { return arrays_; }

 private:
  bool is_first_ = true;
  std::vector<std::vector<double>> arrays_;
};

// The aggregator.
class MaskedSum {
 public:
  // What one client sent: its arrays, and the weight with which it multiplied them, if any.
  // Error: kInvalidArgument when shapes differ, or the weight is no positive number, or some
  // clients sent one and others not.
  absl::Status Add(std::span<const MaskedArray> arrays, std::optional<double> weight);

  // The sum of the arrays; with weights, divided by their sum. Call it when all clients that
  // know each other's secrets have been added: before that, masks remain.
  // Error: kFailedPrecondition without clients.
  absl::StatusOr<std::vector<std::vector<double>>> Finish() const;

  size_t clients() const { return clients_; }

 private:
  size_t clients_ = 0;
  std::optional<double> total_weight_;
  ArraySum fractions_, integers_;
};

// How a component's arrays are combined (spec 7.1).
enum class AggregateMode { kMean, kSum, kWeightedMean };

// The shares of the total that the aggregator hands out: 1 / n each for kMean, samples[i] / sum
// for kWeightedMean. In mode kSum all are 1, clients mask without weight and send none (FATE's own
// send 1 there, and so get the mean).
// Error: kInvalidArgument when a count is not positive.
absl::StatusOr<std::vector<double>> ClientWeights(AggregateMode mode,
                                                  std::span<const double> samples);

}  // namespace fate::crypto
