#pragma once

// Bodies of the HTTP interface. Includes nlohmann's library: for .cc files only.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json_depth.h"

namespace fate::rollsite {

// No object, if the text is none or nested beyond kMaxJsonDepth.
inline nlohmann::json ParseBody(std::string_view text) {
  if (JsonDepth(text) > kMaxJsonDepth) return {};
  return nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
}

// A member as text, "" if it is absent or null.
inline std::string Text(const nlohmann::json& body, const char* key) {
  const auto it = body.find(key);
  if (it == body.end() || it->is_null()) return "";
  return it->is_string() ? it->get<std::string>() : it->dump();
}

}  // namespace fate::rollsite
