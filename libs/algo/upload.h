#pragma once

// upload (spec/fate-flow.md 17.1): a CSV file of this machine becomes a table of pickled texts,
// key = id column, value = the rest of the line. Lines are split at the delimiter, without
// quoting, as upstream does. The file is streamed.

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "algo/component.h"
#include "algo/line_reader.h"
#include "algo/table_meta.h"

namespace fate::algo {

// Parameters: file, head (true), partitions (16), namespace, name, meta (object), extend_sid
// (false: ids must be unique). Output `table`, metric `upload`.
Component Upload();

// Turns the lines of a file into pairs of texts (not yet pickled).
class UploadSource {
 public:
  // Reads the header when the file has one. Errors name the file: empty, no rows, the id column
  // is not in the header, a name twice.
  static absl::StatusOr<UploadSource> Open(const std::string& path, bool head, bool extend_sid,
                                           TableMeta meta);

  // False at the end. Errors name the line.
  absl::StatusOr<bool> Next(std::string& key, std::string& value);
  // With header and sample_id_name as the table has them.
  const TableMeta& meta() const { return meta_; }
  int64_t rows() const { return rows_; }

 private:
  explicit UploadSource(LineReader lines) : lines_(std::move(lines)) {}
  absl::Status ReadHeader(bool head);
  absl::StatusOr<bool> NextLine(std::string& line);
  absl::Status CheckLine(std::string_view line) const;
  absl::Status SplitAtId(std::string_view line, std::string& key, std::string& value) const;

  LineReader lines_;
  TableMeta meta_;
  std::string sid_prefix_;  // with extend_sid: 32 random hex digits
  size_t fields_ = 0;       // of a line, 0 = unknown
  size_t id_field_ = 0;
  int64_t rows_ = 0;
};

}  // namespace fate::algo
