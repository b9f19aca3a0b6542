#pragma once

// A Java-style properties file as eggroll reads it (spec/deployment.md 10.1,
// spec/eggroll-control-plane.md 14.1): `key=value` lines, `#` and `!` comments, an optional
// `[eggroll]` section header, blanks around `=` trimmed, the last value of a key wins.
// Typed getters name file, line and key in their errors.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace fate {

class Properties {
 public:
  // Errors: kNotFound when the file cannot be read, kInvalidArgument for a line that is
  // neither a comment, a section nor `key=value`.
  static absl::StatusOr<Properties> Load(const std::string& path);
  static absl::StatusOr<Properties> Parse(std::string_view text, std::string_view file_name);

  // The value, or `fallback` when the key is absent or empty.
  std::string Get(std::string_view key, std::string_view fallback = "") const;

  // The value as a number in [low, high], `fallback` when absent or empty.
  // Error: kInvalidArgument "conf/eggroll.properties:12: eggroll....port = 'abc' is not ...".
  absl::StatusOr<int64_t> GetInt(std::string_view key, int64_t fallback, int64_t low,
                                 int64_t high) const;
  // true/false, 1/0, yes/no, on/off in any case.
  absl::StatusOr<bool> GetBool(std::string_view key, bool fallback) const;
  // A TCP port; 0 (any free port) only where `allow_zero`.
  absl::StatusOr<int> GetPort(std::string_view key, int fallback, bool allow_zero = false) const;

  // An error for a key with a bad value: names file and line.
  absl::Status Error(std::string_view key, std::string_view what_to_do) const;

  // Keys of the file, sorted; for the "unknown key" log line.
  std::vector<std::string> Keys() const;
  const std::string& file_name() const { return file_name_; }

 private:
  struct Entry {
    std::string value;
    int line = 0;
  };
  std::string file_name_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace fate
