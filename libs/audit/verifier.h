#pragma once

// Whether a log is as it was written. Files are given in the order of their names, line by line:
//
//   verifier.StartFile(name); verifier.Add(line) ...; verifier.EndFile(rest);   for each
//   verifier.Finish()
//
// The first error names file and line, and what was done to them; nothing is read after it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/chain.h"
#include "base/status.h"

namespace fate::audit {

// A record's hash that was noted outside the log.
struct Anchor {
  uint64_t number = 0;
  Hash hash{};
};

struct Report {
  uint64_t files = 0, records = 0, calls = 0;
  uint64_t gaps = 0, missing = 0;  // calls that could not be recorded
  uint64_t crashes = 0;            // times the writer was killed
  uint64_t first = 0, last = 0;    // numbers
  Hash hash{};                     // of the last record
  bool closed = false;             // the last record is a close
  uint64_t torn_bytes = 0;         // behind it
};

class Verifier {
 public:
  explicit Verifier(std::optional<Anchor> anchor = std::nullopt) : anchor_(anchor) {}

  void StartFile(std::string name);
  // A line without its '\n'. Error: kDataLoss.
  absl::Status Add(std::string_view line);
  // `rest`: what stands behind the last '\n'; it may be cut to kMaxLineBytes + 1.
  absl::Status EndFile(std::string_view rest);
  // Error: kDataLoss if the anchor's record is not there; kNotFound if nothing was.
  absl::StatusOr<Report> Finish() const;

 private:
  absl::Status CheckOpen(std::string_view line);
  absl::Status CheckOrder(const Line& line) const;
  absl::Status CheckAnchor(const Line& line);
  void Count(const Line& line, std::string_view text);
  template <class... Args>
  absl::Status Broken(fmt::format_string<Args...> format, Args&&... args) const;

  std::optional<Anchor> anchor_;
  bool anchor_seen_ = false;
  Report report_;
  std::string file_;
  uint64_t line_ = 0;
  std::string torn_;  // of the file before
};

}  // namespace fate::audit
