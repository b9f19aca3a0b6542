#pragma once

// Puts the pairs of many interleaved streams into key order, run by run, before they are
// stored: a B-tree takes ascending keys several times faster than scattered ones. Pairs with
// the same key keep the order in which they came.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace fate::egg {

class SortedPairs {
 public:
  // Memory of one run. Small tables are one run, so that their keys ascend throughout.
  static constexpr size_t kRunBytes = size_t{8} << 20;
  using Store = std::function<absl::Status(std::string_view key, std::string_view value)>;

  explicit SortedPairs(Store store) : store_(std::move(store)) {}
  // Takes one pair batch.
  absl::Status Add(std::string batch);
  // Stores what is held.
  absl::Status Flush();

 private:
  struct Pair {
    std::string_view key, value;  // into batches_
  };
  Store store_;
  std::vector<std::unique_ptr<std::string>> batches_;  // never moves
  std::vector<Pair> pairs_;
  size_t held_bytes_ = 0;
};

}  // namespace fate::egg
