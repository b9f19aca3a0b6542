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

void Headers::Append(const Headers& other) {
  ReserveMore(other.size(), other.bytes_.size());
  const auto moved = static_cast<uint32_t>(bytes_.size());
  bytes_.insert(bytes_.end(), other.bytes_.begin(), other.bytes_.end());
  for (Entry entry : other.entries_) {
    entry.start += moved;
    if (entry.moved_value) entry.moved_value += moved;
    entries_.push_back(entry);
  }
}

std::string_view Headers::Find(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.name_size != name.size()) continue;
    if (!IsName({bytes_.data() + entry.start, entry.name_size}, name)) continue;
    return {bytes_.data() + entry.value_start(), entry.value_size};
  }
  return "";
}

void Headers::FindAll(std::span<const Wanted> wanted) const {
  uint64_t sizes = 0;  // that the names have, modulo 64
  for (const Wanted& one : wanted) sizes |= uint64_t{1} << (one.name.size() % 64);
  for (const Entry& entry : entries_) {
    if (!(sizes >> (entry.name_size % 64) & 1)) continue;
    const std::string_view name(bytes_.data() + entry.start, entry.name_size);
    for (const auto& [wanted_name, value] : wanted) {
      if (!IsName(name, wanted_name)) continue;
      if (!value->data()) *value = {bytes_.data() + entry.value_start(), entry.value_size};
      break;
    }
  }
}

}  // namespace fate::http2
