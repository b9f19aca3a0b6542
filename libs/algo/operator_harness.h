#pragma once

// Runs one native operator on pairs, in this process, for tests: the input lies in a real partition
// of a temporary folder, the output is returned.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compute/operators.h"

namespace fate::algo {

using Pairs = std::vector<std::pair<std::string, std::string>>;

class OperatorHarness {
 public:
  // Every operator of this library.
  OperatorHarness();
  explicit OperatorHarness(compute::OperatorRegistry registry);
  ~OperatorHarness();

  absl::StatusOr<Pairs> Map(const std::string& op, const std::string& parameters,
                            const Pairs& input, int partition = 0, int partitions = 1);
  absl::StatusOr<Pairs> Join(const std::string& op, const std::string& parameters,
                             const Pairs& left, const Pairs& right);
  absl::StatusOr<std::string> Fold(const std::string& op, const std::string& parameters,
                                   const Pairs& input);
  const compute::OperatorRegistry& registry() const { return registry_; }

 private:
  compute::PairReader Read(const Pairs& pairs);
  compute::OperatorRegistry registry_;
  std::string folder_;
  int stores_ = 0;
};

}  // namespace fate::algo
