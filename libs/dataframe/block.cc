#include "dataframe/block.h"

#include <limits>

#include "base/status.h"
#include "dataframe/bytes.h"

namespace fate::dataframe {
namespace {

constexpr std::string_view kMagic = "FBK1";
constexpr size_t kHeaderBytes = 24;
constexpr size_t kCacheLine = 64;
constexpr size_t kLmdbPageHeader = 16;
constexpr uint32_t kHasLabel = 1, kHasWeight = 2;
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// The next offset whose address is a multiple of 64 when the value begins 16 bytes into a page.
size_t AlignNumbers(size_t offset) {
  return (offset + kLmdbPageHeader + kCacheLine - 1) / kCacheLine * kCacheLine - kLmdbPageHeader;
}

size_t Stride(size_t rows) {
  return (rows * sizeof(double) + kCacheLine - 1) / kCacheLine * kCacheLine;
}

absl::Status Broken(std::string_view what) {
  return DataLossError("this is no block of a data frame: {}", what);
}

std::string TextIndex(const std::vector<Row>& rows) {
  std::string index;
  uint32_t end = 0;
  for (const Row& row : rows) {
    AppendNumber<uint32_t>(index, end += row.sample_id.size());
    AppendNumber<uint32_t>(index, end += row.match_id.size());
  }
  return index;
}

template <class NumberOfRow>
void AppendNumbers(std::string& out, const std::vector<Row>& rows, NumberOfRow number) {
  size_t end = out.size() + Stride(rows.size());
  for (const Row& row : rows) AppendNumber<double>(out, number(row));
  out.resize(end, '\0');
}

}  // namespace

std::string BlockKey(int partition, int64_t block) {
  uint64_t number = (uint64_t(partition) << 32) + uint64_t(block);
  std::string key(8, '\0');
  for (int i = 7; i >= 0; --i, number >>= 8) key[i] = char(number & 0xff);
  return key;
}

BlockBuilder::BlockBuilder(size_t columns, bool has_label, bool has_weight)
    : columns_(columns), has_label_(has_label), has_weight_(has_weight) {}

void BlockBuilder::Add(Row row) { rows_.push_back(std::move(row)); }

std::string BlockBuilder::Finish() {
  std::string index = TextIndex(rows_);
  std::string text;
  for (const Row& row : rows_) text.append(row.sample_id).append(row.match_id);
  size_t numbers_offset = AlignNumbers(kHeaderBytes + index.size() + text.size());
  size_t vectors = columns_ + size_t{has_label_} + size_t{has_weight_};

  std::string out;
  out.reserve(numbers_offset + vectors * Stride(rows_.size()));
  out.append(kMagic);
  AppendNumber<uint32_t>(out, (has_label_ ? kHasLabel : 0) | (has_weight_ ? kHasWeight : 0));
  for (size_t number : {rows_.size(), columns_, text.size(), numbers_offset}) {
    AppendNumber<uint32_t>(out, number);
  }
  out.append(index).append(text).resize(numbers_offset, '\0');
  if (has_label_) AppendNumbers(out, rows_, [](auto& row) { return row.label.value_or(kMissing); });
  if (has_weight_) {
    AppendNumbers(out, rows_, [](auto& row) { return row.weight.value_or(kMissing); });
  }
  for (size_t i = 0; i < columns_; ++i) {
    AppendNumbers(out, rows_, [i](auto& row) { return row.values[i]; });
  }
  rows_.clear();
  return out;
}

absl::StatusOr<Block> Block::Decode(std::string_view bytes) {
  Block block;
  block.bytes_ = bytes;
  RETURN_IF_ERROR(block.ReadHeader());
  RETURN_IF_ERROR(block.CheckText());
  return block;
}

absl::Status Block::ReadHeader() {
  if (bytes_.size() < kHeaderBytes || !bytes_.starts_with(kMagic)) return Broken("wrong beginning");
  auto flags = NumberAt<uint32_t>(bytes_, 4);
  rows_ = NumberAt<uint32_t>(bytes_, 8);
  columns_ = NumberAt<uint32_t>(bytes_, 12);
  text_bytes_ = NumberAt<uint32_t>(bytes_, 16);
  numbers_offset_ = NumberAt<uint32_t>(bytes_, 20);
  has_label_ = flags & kHasLabel;
  has_weight_ = flags & kHasWeight;
  if (flags & ~(kHasLabel | kHasWeight)) return Broken("unknown flags");
  if (rows_ > kRowsPerBlock) return Broken(fmt::format("{} rows", rows_));
  if (columns_ > kMaxColumns) return Broken(fmt::format("{} columns", columns_));
  text_offset_ = kHeaderBytes + 2 * rows_ * sizeof(uint32_t);
  if (numbers_offset_ != AlignNumbers(text_offset_ + text_bytes_)) return Broken("wrong offset");
  size_t size = numbers_offset_ + (FirstColumn() + columns_) * Stride(rows_);
  if (bytes_.size() != size) return Broken(fmt::format("{} bytes for {}", bytes_.size(), size));
  return absl::OkStatus();
}

absl::Status Block::CheckText() const {
  uint32_t previous = 0;
  for (size_t i = 0; i < 2 * rows_; ++i) {
    auto end = NumberAt<uint32_t>(bytes_, kHeaderBytes + i * sizeof(uint32_t));
    if (end < previous || end > text_bytes_) return Broken("wrong text index");
    previous = end;
  }
  return previous == text_bytes_ ? absl::OkStatus() : Broken("wrong text length");
}

std::string_view Block::Text(size_t index) const {
  size_t at = kHeaderBytes + index * sizeof(uint32_t);
  size_t begin = index == 0 ? 0 : NumberAt<uint32_t>(bytes_, at - sizeof(uint32_t));
  return bytes_.substr(text_offset_ + begin, NumberAt<uint32_t>(bytes_, at) - begin);
}

double Block::Number(size_t vector, size_t row) const {
  return NumberAt<double>(bytes_, numbers_offset_ + vector * Stride(rows_) + row * sizeof(double));
}

std::span<const double> Block::Numbers(size_t vector, std::vector<double>& scratch) const {
  const char* begin = bytes_.data() + numbers_offset_ + vector * Stride(rows_);
  if (reinterpret_cast<uintptr_t>(begin) % alignof(double) == 0) {
    return {reinterpret_cast<const double*>(begin), rows_};
  }
  scratch.resize(rows_);
  std::memcpy(scratch.data(), begin, rows_ * sizeof(double));
  return scratch;
}

std::span<const double> Block::Column(size_t column, std::vector<double>& scratch) const {
  return Numbers(FirstColumn() + column, scratch);
}

Row Block::ToRow(size_t row) const {
  Row result{std::string(sample_id(row)), std::string(match_id(row))};
  if (has_label_) result.label = label(row);
  if (has_weight_) result.weight = weight(row);
  result.values.resize(columns_);
  for (size_t i = 0; i < columns_; ++i) result.values[i] = value(row, i);
  return result;
}

}  // namespace fate::dataframe
