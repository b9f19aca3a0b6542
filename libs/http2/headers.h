#pragma once

// A header block: names and values one behind the other in one buffer, since a call has two dozen
// of them and an allocation for each would cost more than passing a small message on.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace fate::http2 {

struct Header {
  std::string_view name;  // lower case
  std::string_view value;
  bool secret = false;  // in nobody's table: RFC 7541, 7.1.3
  friend bool operator==(const Header&, const Header&) = default;
};

// Views of it are good until it is changed or destroyed, also after it was moved to another.
class Headers {
 public:
  class Iterator;

  Headers() = default;
  Headers(std::initializer_list<Header> headers) {
    size_t bytes = 0;
    for (const Header& header : headers) bytes += header.name.size() + header.value.size();
    Reserve(headers.size(), bytes);
    for (const Header& header : headers) push_back(header);
  }

  // Room for so many in all.
  void Reserve(size_t headers, size_t bytes) {
    entries_.reserve(headers);
    bytes_.reserve(bytes);
  }
  // Room for so many more.
  void ReserveMore(size_t headers, size_t bytes) {
    Reserve(entries_.size() + headers, bytes_.size() + bytes);
  }
  // Copies name and value, which may not lie in this block.
  void push_back(const Header& header) {
    const size_t start = bytes_.size();
    Put(header.name);
    Put(header.value);
    Written(start, header.name.size(), header.secret);
  }
  // For decoders, which write name and value behind the end of raw() themselves: what lies there
  // from `start` is now a header.
  std::vector<char>& raw() { return bytes_; }
  void Written(size_t start, size_t name_size, bool secret) {
    entries_.push_back({static_cast<uint32_t>(start), static_cast<uint32_t>(name_size),
                        static_cast<uint32_t>(bytes_.size() - start - name_size), 0, secret});
  }
  void Append(const Headers& other);
  // The value of the first header of that name, "" if none.
  std::string_view Find(std::string_view name) const;
  // The same for many names at once: a value that is not there is left as it is.
  struct Wanted {
    std::string_view name;
    std::string_view* value;  // null data before
  };
  void FindAll(std::span<const Wanted> wanted) const;
  // Of the first header of that name; adds one if there is none.
  void Set(std::string_view name, std::string_view value);

  size_t size() const { return entries_.size(); }
  size_t bytes() const { return bytes_.size(); }
  bool empty() const { return entries_.empty(); }
  void clear() {
    entries_.clear();
    bytes_.clear();
  }
  Header operator[](size_t i) const {
    const Entry& entry = entries_[i];
    const char* name = bytes_.data() + entry.start;
    const char* value = bytes_.data() + entry.value_start();
    return {{name, entry.name_size}, {value, entry.value_size}, entry.secret};
  }
  Iterator begin() const;
  Iterator end() const;

 private:
  struct Entry {
    uint32_t start, name_size, value_size;
    uint32_t moved_value = 0;  // where a value that was set anew lies; 0: behind its name
    bool secret = false;
    uint32_t value_start() const { return moved_value ? moved_value : start + name_size; }
  };
  void Put(std::string_view text) { bytes_.insert(bytes_.end(), text.begin(), text.end()); }

  std::vector<char> bytes_;  // no string: its short ones move in memory when it is moved
  std::vector<Entry> entries_;
};

class Headers::Iterator {
 public:
  Iterator(const Headers* headers, size_t at) : headers_(headers), at_(at) {}
  Header operator*() const { return (*headers_)[at_]; }
  Iterator& operator++() { return ++at_, *this; }
  friend bool operator==(const Iterator&, const Iterator&) = default;

 private:
  const Headers* headers_;
  size_t at_;
};

inline Headers::Iterator Headers::begin() const { return {this, 0}; }
inline Headers::Iterator Headers::end() const { return {this, size()}; }

inline std::string_view Find(const Headers& headers, std::string_view name) {
  return headers.Find(name);
}

}  // namespace fate::http2
