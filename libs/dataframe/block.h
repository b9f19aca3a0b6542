#pragma once

// A block: up to 128 rows of a data frame, columns stored one after the other, as the value of
// an ordinary table (key: 8-byte big-endian block number within the partition; keys of different
// partitions differ by partition << 32). Numbers are little-endian; columns begin on 64-byte
// boundaries of the value. Column values are doubles, labels int64 or double by dtype, a missing
// cell is NaN.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace fate::dataframe {

inline constexpr int kRowsPerBlock = 128;

struct Row {
  std::string sample_id;
  std::string match_id;
  std::optional<double> label;
  std::optional<double> weight;
  std::vector<double> values;
};

std::string BlockKey(int partition, int64_t block);

class BlockBuilder {
 public:
  BlockBuilder(size_t columns, bool has_label, bool has_weight);
  void Add(const Row& row);
  size_t rows() const { return rows_.size(); }
  // The encoded block; the builder is empty afterwards.
  std::string Finish();

 private:
  size_t columns_;
  bool has_label_, has_weight_;
  std::vector<Row> rows_;
};

// A decoded view; the bytes must outlive it.
class Block {
 public:
  static absl::StatusOr<Block> Decode(std::string_view bytes);
  size_t rows() const { return rows_; }
  size_t columns() const { return columns_; }
  bool has_label() const { return has_label_; }
  bool has_weight() const { return has_weight_; }
  std::string_view sample_id(size_t row) const;
  std::string_view match_id(size_t row) const;
  double label(size_t row) const;
  double weight(size_t row) const;
  double value(size_t row, size_t column) const;
  Row ToRow(size_t row) const;

 private:
  std::string_view bytes_;
  size_t rows_ = 0, columns_ = 0;
  bool has_label_ = false, has_weight_ = false;
  size_t text_offset_ = 0, label_offset_ = 0, weight_offset_ = 0, values_offset_ = 0;
};

}  // namespace fate::dataframe
