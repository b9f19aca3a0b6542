#pragma once

// How deep a JSON text is nested. The JSON library writes and copies values by recursion, so that
// a text of brackets would end the process: texts from outside are measured before they are parsed.

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace fate {

// No format here needs ten.
inline constexpr size_t kMaxJsonDepth = 64;

// Arrays and objects that are open at a time, at most. For a text that is no JSON: some number.
inline size_t JsonDepth(std::string_view text) {
  size_t depth = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

}  // namespace fate
