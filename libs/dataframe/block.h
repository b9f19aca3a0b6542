#pragma once

// A block: up to 128 rows of a data frame, columns stored one after the other, as the value of
// an ordinary table (key: 8-byte big-endian block number within the partition; keys of different
// partitions differ by partition << 32). Numbers are little-endian doubles, a missing cell is NaN
// (labels that are integers are exact up to 2^53).
//
//   magic "FBK1" | flags u32 | rows u32 | columns u32 | text bytes u32 | numbers offset u32
//   | end of every sample id and match id within the text, u32 each | text | zeros
//   | label? | weight? | column 0 | column 1 | ...      each padded to a multiple of 64 bytes
//
// Numbers begin 48 bytes past a multiple of 64: LMDB puts a large value 16 bytes into a page, so
// that every column of a mapped block lies on a cache line and Column() need not copy.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace fate::dataframe {

inline constexpr size_t kRowsPerBlock = 128;
// One block of the widest frame has 64 MiB of numbers.
inline constexpr size_t kMaxColumns = 65536;

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
  // The row has `columns` values; a label or weight that is absent is stored as NaN.
  void Add(Row row);
  size_t rows() const { return rows_.size(); }
  bool full() const { return rows_.size() == kRowsPerBlock; }
  // The encoded block; the builder is empty afterwards.
  std::string Finish();

 private:
  size_t columns_;
  bool has_label_, has_weight_;
  std::vector<Row> rows_;
};

// A decoded view; the bytes must outlive it. Row and column must be in range.
class Block {
 public:
  // Error: kDataLoss for anything BlockBuilder does not write.
  static absl::StatusOr<Block> Decode(std::string_view bytes);
  size_t rows() const { return rows_; }
  size_t columns() const { return columns_; }
  bool has_label() const { return has_label_; }
  bool has_weight() const { return has_weight_; }
  std::string_view sample_id(size_t row) const { return Text(2 * row); }
  std::string_view match_id(size_t row) const { return Text(2 * row + 1); }
  double label(size_t row) const { return Number(0, row); }
  double weight(size_t row) const { return Number(has_label_, row); }
  double value(size_t row, size_t column) const { return Number(FirstColumn() + column, row); }
  // The column where it lies when that is aligned for doubles, else copied into `scratch`.
  std::span<const double> Column(size_t column, std::vector<double>& scratch) const;
  std::span<const double> Labels(std::vector<double>& scratch) const { return Numbers(0, scratch); }
  Row ToRow(size_t row) const;

 private:
  size_t FirstColumn() const { return size_t{has_label_} + size_t{has_weight_}; }
  std::string_view Text(size_t index) const;
  double Number(size_t vector, size_t row) const;
  std::span<const double> Numbers(size_t vector, std::vector<double>& scratch) const;
  absl::Status ReadHeader();
  absl::Status CheckText() const;

  std::string_view bytes_;
  size_t rows_ = 0, columns_ = 0, text_bytes_ = 0;
  bool has_label_ = false, has_weight_ = false;
  size_t text_offset_ = 0, numbers_offset_ = 0;
};

}  // namespace fate::dataframe
