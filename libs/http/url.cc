#include "http/url.h"

#include <fmt/format.h>

#include "base/text.h"
#include "http/client.h"

namespace fate::http {

std::optional<std::string> UrlDecode(std::string_view text, bool plus_is_blank) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      auto byte = HexDecode(text.substr(i + 1, 2));
      if (!byte || byte->size() != 1 || (*byte)[0] == '\0') return std::nullopt;
      decoded += (*byte)[0];
      i += 2;
    }
  }
  return decoded;
}

std::optional<Target> ParseTarget(std::string_view target) {
  Target parsed;
  size_t question = target.find('?');
  auto path = UrlDecode(target.substr(0, question), false);
  if (!path) return std::nullopt;
  parsed.path = *std::move(path);
  if (question == std::string_view::npos) return parsed;
  for (std::string_view piece : Split(target.substr(question + 1), '&')) {
    if (piece.empty()) continue;
    size_t equals = piece.find('=');
    auto key = UrlDecode(piece.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::string()
                                                  : UrlDecode(piece.substr(equals + 1), true);
    if (!key || !value) return std::nullopt;
    parsed.query.emplace_back(*std::move(key), *std::move(value));
  }
  return parsed;
}

std::string UrlEncode(const std::string& text) {
  std::string encoded;
  for (unsigned char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '_' || c == '.' || c == '~';
    encoded += plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
  }
  return encoded;
}

}  // namespace fate::http
