#pragma once

// The data of a quantile summary after Greenwald and Khanna (SIGMOD 2001): what parties send to
// each other. greenwald_khanna.h works on it, encoding/fate_vectors.h has its bytes.

#include <cstdint>
#include <vector>

namespace fate::crypto {

// `value` is among the inserted ones. The least rank it can have is the sum of g up to and with
// its own, the greatest is delta more.
struct QuantileTuple {
  double value = 0;
  uint64_t g = 0, delta = 0;
  friend bool operator==(const QuantileTuple&, const QuantileTuple&) = default;
};

struct QuantileSummary {
  std::vector<QuantileTuple> tuples;  // by rising value
  double epsilon = 0;
  uint64_t n = 0;  // values inserted: the sum of all g
  friend bool operator==(const QuantileSummary&, const QuantileSummary&) = default;
};

}  // namespace fate::crypto
