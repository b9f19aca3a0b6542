#include "http2/rules.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace fate::http2 {
namespace {

// RFC 9110, 5.6.2, in lower case.
constexpr std::array<uint8_t, 256> kNotInName = [] {
  std::array<uint8_t, 256> result;
  result.fill(1);
  for (char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")) {
    result[static_cast<uint8_t>(c)] = 0;
  }
  return result;
}();

bool IsOfOneConnection(std::string_view name) {
  switch (name.size()) {
    case 7:
      return name == "upgrade";
    case 10:
      return name == "connection" || name == "keep-alive";
    case 16:
      return name == "proxy-connection";
    case 17:
      return name == "transfer-encoding";
    default:
      return false;
  }
}

enum Pseudo : unsigned { kMethod = 1, kScheme = 2, kPath = 4, kAuthority = 8, kStatus = 16 };

unsigned PseudoOf(std::string_view name) {
  if (name == ":method") return kMethod;
  if (name == ":scheme") return kScheme;
  if (name == ":path") return kPath;
  if (name == ":authority") return kAuthority;
  if (name == ":status") return kStatus;
  return 0;
}

std::string_view CheckPseudo(unsigned pseudo, std::string_view value) {
  if (pseudo == kPath) return value.starts_with('/') || value == "*" ? "" : "a :path without '/'";
  if (pseudo != kStatus) return value.empty() && pseudo != kAuthority ? "an empty header" : "";
  const bool is_code =
      value.size() == 3 && value[0] >= '1' && value[0] <= '5' &&
      std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  return is_code && value != "101" ? "" : "no :status that HTTP/2 knows";
}

std::string_view CheckOrdinary(const Header& header, uint64_t* length) {
  const auto [name, value, secret] = header;
  if (IsOfOneConnection(name)) return "a header of HTTP/1.1's connections";
  if (name == "te" && value != "trailers") return "a 'te' other than trailers";
  if (name != "content-length" || !length) return "";
  if (*length != kNoContentLength) return "content-length twice";
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), *length);
  const bool is_number = error == std::errc() && end == value.data() + value.size();
  return is_number && *length != kNoContentLength ? "" : "a content-length that is no number";
}

// `allowed`, `needed`: kinds of pseudo headers.
std::string_view Check(const Headers& headers, unsigned allowed, unsigned needed,
                       uint64_t* length) {
  unsigned seen = 0;
  bool ordinary = false;
  if (length) *length = kNoContentLength;
  for (size_t i = 0; i < headers.size(); ++i) {
    const Header header = headers[i];
    std::string_view wrong;
    if (header.name.starts_with(':')) {
      const unsigned pseudo = PseudoOf(header.name);
      if (!(pseudo & allowed)) return "a pseudo header that does not belong there";
      if (ordinary) return "a pseudo header behind the others";
      if (seen & pseudo) return "a pseudo header twice";
      seen |= pseudo;
      wrong = CheckPseudo(pseudo, header.value);
    } else {
      ordinary = true;
      wrong = CheckOrdinary(header, length);
    }
    if (!wrong.empty()) return wrong;
  }
  return (seen & needed) == needed ? "" : "no :method, :scheme, :path or :status";
}

}  // namespace

bool IsGoodName(std::string_view name) {
  if (name.starts_with(':')) name.remove_prefix(1);
  uint8_t bad = name.empty();
  for (const char c : name) bad |= kNotInName[static_cast<uint8_t>(c)];
  return bad == 0;
}

// No control characters but the tab (RFC 9113, 8.2.1, and gRPC's stricter rule).
bool IsGoodValue(std::string_view value) {
  uint8_t bad = 0;  // without branches: compilers make vectors of it
  for (const char c : value) {
    const auto byte = static_cast<uint8_t>(c);
    bad |= static_cast<uint8_t>((byte < 0x20) & (byte != '\t'));
    bad |= static_cast<uint8_t>(byte == 0x7f);
  }
  return bad == 0;
}

std::string_view CheckRequest(const Headers& headers, uint64_t* length) {
  return Check(headers, kMethod | kScheme | kPath | kAuthority, kMethod | kScheme | kPath, length);
}

std::string_view CheckResponse(const Headers& headers, uint64_t* length) {
  return Check(headers, kStatus, kStatus, length);
}

std::string_view CheckTrailers(const Headers& headers) { return Check(headers, 0, 0, nullptr); }

}  // namespace fate::http2
