#include <algorithm>

#include "algo/upload.h"
#include "base/status.h"
#include "base/text.h"
#include "crypto/random.h"
#include "dataframe/block.h"

namespace fate::algo {
namespace {

constexpr char kExtendedId[] = "extend_sid";
// The pickled key must fit the 511 bytes of a table's key.
constexpr size_t kMaxIdBytes = 480;

// Trailing white space goes (spec), but not a delimiter that is white space.
void StripEnd(std::string& line, const std::string& delimiter) {
  while (!line.empty() && std::isspace(uint8_t(line.back())) && !line.ends_with(delimiter)) {
    line.pop_back();
  }
}

}  // namespace

absl::StatusOr<UploadSource> UploadSource::Open(const std::string& path, bool head, bool extend_sid,
                                                TableMeta meta) {
  ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(path));
  UploadSource source(std::move(lines));
  source.meta_ = std::move(meta);
  if (extend_sid) source.sid_prefix_ = HexEncode(crypto::Random::Bytes(16));
  RETURN_IF_ERROR(source.ReadHeader(head));
  return source;
}

absl::Status UploadSource::ReadHeader(bool head) {
  if (head) {
    std::string line;
    ASSIGN_OR_RETURN(bool found, NextLine(line));
    if (!found) return InvalidArgumentError("{} is empty", lines_.Position());
    meta_.header.clear();
    for (auto name : SplitFields(line, meta_.delimiter)) meta_.header.emplace_back(Trim(name));
  }
  auto& header = meta_.header;
  RETURN_IF_ERROR(Annotate(CheckHeader(header), lines_.Position()));
  fields_ = meta_.input_format == "dense" ? header.size() : 0;
  if (!sid_prefix_.empty()) {
    meta_.sample_id_name = kExtendedId;
    header.insert(header.begin(), kExtendedId);
    return Annotate(CheckHeader(header), lines_.Position());
  }
  if (header.empty()) return absl::OkStatus();
  if (meta_.sample_id_name.empty()) meta_.sample_id_name = header[0];
  auto id = std::find(header.begin(), header.end(), meta_.sample_id_name);
  if (id == header.end()) {
    return InvalidArgumentError(
        "{}: the id column '{}' is not in the header '{}'; set "
        "meta.sample_id_name",
        lines_.Position(), Escape(meta_.sample_id_name), Escape(Join(header, meta_.delimiter)));
  }
  id_field_ = size_t(id - header.begin());
  std::rotate(header.begin(), id, id + 1);
  return absl::OkStatus();
}

// Blank lines are no rows.
absl::StatusOr<bool> UploadSource::NextLine(std::string& line) {
  for (;;) {
    ASSIGN_OR_RETURN(bool more, lines_.Next(line));
    if (!more) return false;
    StripEnd(line, meta_.delimiter);
    if (!Trim(line).empty()) return true;
  }
}

absl::StatusOr<bool> UploadSource::Next(std::string& key, std::string& value) {
  std::string line;
  ASSIGN_OR_RETURN(bool more, NextLine(line));
  if (!more && rows_ == 0) {
    return InvalidArgumentError("{}: the file has no rows", lines_.Position());
  }
  if (!more) return false;
  RETURN_IF_ERROR(CheckLine(line));
  if (!sid_prefix_.empty()) {
    key = sid_prefix_ + std::to_string(rows_);
    value = std::move(line);
  } else {
    RETURN_IF_ERROR(SplitAtId(line, key, value));
  }
  ++rows_;
  return true;
}

absl::Status UploadSource::CheckLine(std::string_view line) const {
  if (fields_ == 0) return absl::OkStatus();
  size_t fields = SplitFields(line, meta_.delimiter).size();
  if (fields == fields_) return absl::OkStatus();
  return InvalidArgumentError("{}: the line has {} fields, the header {}", lines_.Position(),
                              fields, fields_);
}

absl::Status UploadSource::SplitAtId(std::string_view line, std::string& key,
                                     std::string& value) const {
  const std::string& delimiter = meta_.delimiter;
  size_t begin = 0;
  for (size_t i = 0; i < id_field_; ++i) {
    size_t found = line.find(delimiter, begin);
    if (found == line.npos) {
      return InvalidArgumentError("{}: the line ends before its id (field {})", lines_.Position(),
                                  id_field_ + 1);
    }
    begin = found + delimiter.size();
  }
  size_t end = std::min(line.find(delimiter, begin), line.size());
  key = line.substr(begin, end - begin);
  if (key.empty()) return InvalidArgumentError("{}: the id is empty", lines_.Position());
  if (key.size() > kMaxIdBytes) {
    return InvalidArgumentError("{}: the id has {} bytes; at most {} are possible",
                                lines_.Position(), key.size(), kMaxIdBytes);
  }
  bool last = end == line.size();
  value = line.substr(0, last && begin > 0 ? begin - delimiter.size() : begin);
  if (!last) value += line.substr(end + delimiter.size());
  return absl::OkStatus();
}

}  // namespace fate::algo
