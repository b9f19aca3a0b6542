#include "dataframe/row.h"

#include "base/status.h"
#include "dataframe/bytes.h"

namespace fate::dataframe {
namespace {

constexpr char kMark = 'R';
constexpr uint8_t kHasLabel = 1, kHasWeight = 2;
constexpr size_t kHeaderBytes = 2 + 3 * sizeof(uint32_t);

double TakeNumber(std::string_view& bytes) {
  auto number = NumberAt<double>(bytes, 0);
  bytes.remove_prefix(sizeof(double));
  return number;
}

}  // namespace

std::string EncodeRow(const Row& row) {
  std::string out;
  out.reserve(kHeaderBytes + (row.values.size() + 2) * sizeof(double) + row.sample_id.size() +
              row.match_id.size());
  out.push_back(kMark);
  out.push_back(char((row.label ? kHasLabel : 0) | (row.weight ? kHasWeight : 0)));
  for (size_t size : {row.sample_id.size(), row.match_id.size(), row.values.size()}) {
    AppendNumber<uint32_t>(out, size);
  }
  if (row.label) AppendNumber(out, *row.label);
  if (row.weight) AppendNumber(out, *row.weight);
  for (double value : row.values) AppendNumber(out, value);
  return out.append(row.sample_id).append(row.match_id);
}

absl::StatusOr<Row> DecodeRow(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes[0] != kMark) {
    return DataLossError("this is no row of a data frame: wrong beginning");
  }
  auto flags = uint8_t(bytes[1]);
  uint64_t sample = NumberAt<uint32_t>(bytes, 2), match = NumberAt<uint32_t>(bytes, 6);
  uint64_t values = NumberAt<uint32_t>(bytes, 10);
  bool has_label = flags & kHasLabel, has_weight = flags & kHasWeight;
  uint64_t size =
      kHeaderBytes + (has_label + has_weight + values) * sizeof(double) + sample + match;
  if (flags > (kHasLabel | kHasWeight) || values > kMaxColumns || bytes.size() != size) {
    return DataLossError("this is no row of a data frame: {} bytes, {} values", bytes.size(),
                         values);
  }
  bytes.remove_prefix(kHeaderBytes);
  Row row;
  if (has_label) row.label = TakeNumber(bytes);
  if (has_weight) row.weight = TakeNumber(bytes);
  row.values.resize(values);
  for (double& value : row.values) value = TakeNumber(bytes);
  row.sample_id = bytes.substr(0, sample);
  row.match_id = bytes.substr(sample);
  return row;
}

}  // namespace fate::dataframe
