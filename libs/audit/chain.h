#pragma once

// Joins records to a chain: numbers them, and ends each with SHA-256 over the hash of the record
// before and the line itself, so that nothing can be changed, removed or moved unnoticed.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "audit/digest.h"
#include "audit/record.h"

namespace fate::audit {

class Chain {
 public:
  Chain() = default;
  // Goes on behind record `last`.
  Chain(uint64_t last, const Hash& hash) : last_(last), hash_(hash) {}

  // Two halves of one line: Begin, then one of record.h's Append functions, then End.
  void Begin(std::string* out);
  void End(std::string* out);

  uint64_t last() const { return last_; }  // number of the last record; 0: none
  const Hash& hash() const { return hash_; }

 private:
  uint64_t last_ = 0;
  Hash hash_{};
  size_t start_ = 0;
};

// A line taken apart, without '\n'. Nothing is said about whether its hash fits.
struct Line {
  uint64_t number = 0;
  std::string_view kind;
  std::string_view hashed;  // what the hash is over, besides the one before
  Hash hash;
};
// nullopt: it is no record.
std::optional<Line> ParseLine(std::string_view line);

// The value of a field of this library's own records, unquoted; "" when there is none. Values of
// others are escaped, so what looks like a field is one.
std::string_view Field(std::string_view line, std::string_view key);

}  // namespace fate::audit
