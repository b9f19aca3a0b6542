#pragma once

// Neumaier's compensated summation (ZAMM 54, 1974): the rounding error of every addition is
// kept and added at the end, so that the error does not grow with the number of terms.

#include <cmath>
#include <cstring>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/status.h"

namespace fate::algo {

class CompensatedSum {
 public:
  void Add(double term) {
    double total = sum_ + term;
    bool sum_is_larger = std::abs(sum_) >= std::abs(term);
    compensation_ += sum_is_larger ? (sum_ - total) + term : (term - total) + sum_;
    sum_ = total;
  }
  void Add(const CompensatedSum& other) {
    Add(other.sum_);
    Add(other.compensation_);
  }
  double Total() const { return sum_ + compensation_; }

  // 16 bytes: sum and compensation, little-endian.
  std::string Encode() const {
    std::string bytes(16, '\0');
    std::memcpy(bytes.data(), &sum_, 8);
    std::memcpy(bytes.data() + 8, &compensation_, 8);
    return bytes;
  }
  static absl::StatusOr<CompensatedSum> Decode(std::string_view bytes) {
    if (bytes.size() != 16) {
      return InvalidArgumentError("a partial sum has {} bytes instead of 16", bytes.size());
    }
    CompensatedSum result;
    std::memcpy(&result.sum_, bytes.data(), 8);
    std::memcpy(&result.compensation_, bytes.data() + 8, 8);
    return result;
  }

 private:
  double sum_ = 0, compensation_ = 0;
};

}  // namespace fate::algo
