#pragma once

// Records of the audit log as text: JSON objects on one line each, here without number and chain,
// which Chain adds. Text of others is escaped and cut, so that a record is always one line.

#include <cstdint>
#include <string>
#include <string_view>

#include "audit/digest.h"

namespace fate::audit {

// Longer names are cut; a line stays below kMaxLineBytes.
inline constexpr size_t kMaxTextBytes = 1024;
inline constexpr size_t kMaxLineBytes = 64 << 10;

enum class Direction { kIn, kOut, kTransit, kLocal };

// What is kept of the bytes of one direction.
struct Body {
  uint64_t bytes = 0;
  uint64_t digested = 0;  // the digest is of so many first bytes; 0: none
  Hash digest{};
};

struct Call {
  int64_t end_us = 0;  // since 1970
  int64_t duration_us = 0;
  std::string_view method;  // a literal
  Direction direction = Direction::kTransit;
  std::string from, to, session, tag;
  std::string peer;        // the address that made the call
  bool certified = false;  // `from` stood under a certificate
  Body request, answer;
  int grpc_code = 0;
};

// `"kind":"call",...` without braces; the same for the rest.
void AppendCall(const Call& call, std::string* out);
// Calls that could not be recorded, and why.
void AppendGap(int64_t time_us, uint64_t missing, std::string_view why, std::string* out);
void AppendClose(int64_t time_us, std::string_view why, std::string* out);

// The beginning of a file.
struct Open {
  int64_t time_us = 0;
  std::string party, digest;  // whose log; what is digested
  Hash previous{};            // of the record before; zeros: there is none
  // How the file before ended: "nothing", "close" or "crash"; the line it was left with.
  std::string_view after = "nothing";
  uint64_t torn_bytes = 0;
  Hash torn{};
};
void AppendOpen(const Open& open, std::string* out);

void AppendHex(const Hash& hash, std::string* out);
// False if `text` is not the hexadecimal form of a hash.
bool ParseHash(std::string_view text, Hash* hash);

}  // namespace fate::audit
