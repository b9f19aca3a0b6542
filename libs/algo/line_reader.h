#pragma once

// Lines of a text file of any size, one at a time. A line has a bound, is UTF-8 and holds no NUL;
// the first line loses a byte order mark. Lines end with LF or CR LF.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace fate::algo {

class LineReader {
 public:
  // Error: kNotFound or kPermissionDenied naming the file.
  static absl::StatusOr<LineReader> Open(const std::string& path);

  // False at the end. Errors name file and line: kInvalidArgument for bad bytes,
  // kResourceExhausted for a line of more than kMaxCsvLineBytes.
  absl::StatusOr<bool> Next(std::string& line);
  // Of the line that Next() returned last, from 1.
  int64_t line_number() const { return line_number_; }
  // "file.csv:12"
  std::string Position() const;

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  absl::Status Fill();
  absl::Status CheckLine(std::string& line) const;

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::string buffer_;
  size_t begin_ = 0;
  bool at_end_ = false;
  int64_t line_number_ = 0;
};

// Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
bool IsUtf8(std::string_view text);

}  // namespace fate::algo
