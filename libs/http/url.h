#pragma once

// Percent-encoding and the request target of HTTP (RFC 3986).

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fate::http {

// "%41+b" -> "A+b"; `plus_is_blank` for queries. nullopt for a broken escape or a NUL byte.
std::optional<std::string> UrlDecode(std::string_view text, bool plus_is_blank);

struct Target {
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
};
// "/a/b?x=1&y" -> path and query, decoded. nullopt when it cannot be decoded.
std::optional<Target> ParseTarget(std::string_view target);

}  // namespace fate::http
