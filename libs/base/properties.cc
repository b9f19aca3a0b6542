#include "base/properties.h"

#include <fstream>
#include <sstream>

#include "base/status.h"
#include "base/text.h"

namespace fate {

absl::StatusOr<Properties> Properties::Load(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return NotFoundError("cannot read configuration file '{}'; give its path with --config", path);
  }
  std::stringstream text;
  text << file.rdbuf();
  return Parse(text.str(), path);
}

absl::StatusOr<Properties> Properties::Parse(std::string_view text, std::string_view file_name) {
  Properties properties;
  properties.file_name_ = file_name;
  int line_number = 0;
  for (std::string_view raw : Split(text, '\n')) {
    ++line_number;
    std::string_view line = Trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == '!') continue;
    if (line.front() == '[' && line.back() == ']') continue;
    size_t equals = line.find('=');
    std::string_view key = Trim(line.substr(0, equals));
    if (equals == std::string_view::npos || key.empty()) {
      return InvalidArgumentError(
          "{}:{}: '{}' is not 'key=value'; add '=' or start the line with '#'", file_name,
          line_number, line);
    }
    properties.entries_[std::string(key)] = {std::string(Trim(line.substr(equals + 1))),
                                             line_number};
  }
  return properties;
}

std::string Properties::Get(std::string_view key, std::string_view fallback) const {
  auto it = entries_.find(key);
  return it == entries_.end() || it->second.value.empty() ? std::string(fallback)
                                                          : it->second.value;
}

absl::StatusOr<int64_t> Properties::GetInt(std::string_view key, int64_t fallback, int64_t low,
                                           int64_t high) const {
  std::string text = Get(key);
  if (text.empty()) return fallback;
  auto value = ParseInt<int64_t>(text);
  if (!value || *value < low || *value > high) {
    return Error(key, fmt::format("give a whole number from {} to {}", low, high));
  }
  return *value;
}

absl::StatusOr<bool> Properties::GetBool(std::string_view key, bool fallback) const {
  std::string text = ToLower(Get(key));
  if (text.empty()) return fallback;
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  return Error(key, "give true or false");
}

absl::StatusOr<int> Properties::GetPort(std::string_view key, int fallback, bool allow_zero) const {
  ASSIGN_OR_RETURN(int64_t port, GetInt(key, fallback, allow_zero ? 0 : 1, 65535));
  return static_cast<int>(port);
}

absl::Status Properties::Error(std::string_view key, std::string_view what_to_do) const {
  auto it = entries_.find(key);
  if (it == entries_.end()) {
    return InvalidArgumentError("{}: {} is missing; {}", file_name_, key, what_to_do);
  }
  return InvalidArgumentError("{}:{}: {} = '{}' is not valid; {}", file_name_, it->second.line, key,
                              it->second.value, what_to_do);
}

std::vector<std::string> Properties::Keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, entry] : entries_) keys.push_back(key);
  return keys;
}

}  // namespace fate
