#include "http2/headers.h"

#include <algorithm>

namespace fate::http2 {
namespace {

// Most names differ in length or at their end, few at their beginning.
bool IsName(std::string_view name, std::string_view wanted) {
  return name.size() == wanted.size() && !name.empty() && name.back() == wanted.back() &&
         name == wanted;
}

}  // namespace

void Headers::Set(std::string_view name, std::string_view value) {
  for (size_t i = 0; i < size(); ++i) {
    if (!IsName((*this)[i].name, name)) continue;
    Entry& entry = entries_[i];
    if (value.size() <= entry.value_size) {
      std::copy(value.begin(), value.end(), bytes_.begin() + entry.value_start());
    } else {
      entry.moved_value = static_cast<uint32_t>(bytes_.size());
      Put(value);
    }
    entry.value_size = static_cast<uint32_t>(value.size());
    return;
  }
  push_back({name, value});
}

std::string_view Find(const Headers& headers, std::string_view name) {
  for (size_t i = 0; i < headers.size(); ++i) {
    if (const Header header = headers[i]; IsName(header.name, name)) return header.value;
  }
  return "";
}

}  // namespace fate::http2
