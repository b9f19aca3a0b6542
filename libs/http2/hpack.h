#pragma once

// HPACK (RFC 7541), header blocks to bytes and back. A connection has one of each for its life.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http2/headers.h"

namespace fate::http2 {

// Of both directions, unless the peer wants less; the default of HTTP/2.
inline constexpr uint32_t kHpackTableBytes = 4096;
// What a header counts for besides its name and value (RFC 7541, 4.1; RFC 9113, 6.5.2).
inline constexpr size_t kHeaderOverheadBytes = 32;

// The dynamic table (RFC 7541, 2.3.2): a queue of headers. Costs no memory while it is empty.
class HpackTable {
 public:
  // Each that was ever inserted has a number: 0, 1, ...
  uint64_t inserted() const { return inserted_; }
  size_t count() const { return entries_.size() - first_; }
  bool Has(uint64_t number) const { return number < inserted_ && inserted_ - number <= count(); }
  // Of a number that it has. Good until the next Insert.
  Header At(uint64_t number) const {
    const Entry& entry = EntryOf(number);
    const char* name = bytes_.data() + entry.start;
    return {{name, entry.name_size}, {name + entry.name_size, entry.value_size}};
  }
  // The name and value may not lie in this table. `good`: see IsGood.
  void Insert(std::string_view name, std::string_view value, bool good = true);
  // What Insert was told, so that nobody has to look at the characters again.
  bool IsGood(uint64_t number) const { return EntryOf(number).good; }
  void Resize(uint32_t bytes);
  uint32_t limit() const { return limit_; }

  // RFC 7541, 4.1
  static size_t SizeOf(std::string_view name, std::string_view value) {
    return name.size() + value.size() + kHeaderOverheadBytes;
  }

 private:
  struct Entry {
    uint32_t start, name_size, value_size;
    bool good;
  };
  const Entry& EntryOf(uint64_t number) const {
    return entries_[entries_.size() - static_cast<size_t>(inserted_ - number)];
  }
  void Shrink(size_t bytes);

  std::vector<char> bytes_;
  std::vector<Entry> entries_;
  size_t first_ = 0;  // entries before it are gone
  size_t size_ = 0;
  uint32_t limit_ = kHpackTableBytes;
  uint64_t inserted_ = 0;
};

class HpackDecoder {
 public:
  enum class Result {
    kOk,
    kMalformed,  // characters that no name or value may have
    kTooLong,    // for the limits; the table is right all the same
    kBroken      // no header block, or one of more than a megabyte: the connection cannot go on
                 // (COMPRESSION_ERROR)
  };
  // Appends the headers of a whole block to `headers`, until they are more than `most` or their
  // names and values longer than `most_bytes` with kHeaderOverheadBytes for each.
  Result Decode(std::string_view block, size_t most, size_t most_bytes, Headers* headers);

 private:
  struct Block;
  bool DecodeOne(Block* block);
  bool CopyIndexed(uint64_t index, bool with_value, Block* block, size_t* name_size) const;
  HpackTable table_;
};

class HpackEncoder {
 public:
  // Appends a whole block to `block`. What is sent a second time goes into the table, and the
  // first of each name; nothing of the first blocks, which might be all that there are.
  void Encode(const Headers& headers, std::string* block);
  // The peer's SETTINGS_HEADER_TABLE_SIZE.
  void SetPeerLimit(uint32_t bytes);

 private:
  static constexpr size_t kSlots = 128;  // a power of two
  // Where a header was found: its index in the static table, or past kDynamic its number.
  using Place = uint64_t;
  static constexpr Place kNowhere = 0, kDynamic = 64;
  static constexpr int kBlocksWithoutTable = 2;
  struct Slot {
    uint64_t field = 0, name = 0;  // the last numbers with that hash
    uint32_t sent = 0;             // the hash of a header that was not kept
  };

  static void EncodeStatic(const Header& header, std::string* block);
  void EncodeOne(const Header& header, Place* expected, std::string* block);
  bool IsAt(Place place, const Header& header) const;
  uint64_t IndexOf(Place place) const;
  Place FindField(const Header& header, uint32_t hash) const;
  Place FindName(std::string_view name, uint32_t hash) const;
  bool IsWorthKeeping(const Header& header, uint32_t hash, bool name_is_known);

  HpackTable table_;
  std::vector<Place> expected_;  // where the last block's headers were found, one by one
  std::vector<Slot> slots_;      // by hash; none before the table is used
  uint32_t announce_limit_ = kHpackTableBytes, least_limit_ = kHpackTableBytes;
  bool announces_ = false;
  int blocks_ = 0;  // sent, up to kBlocksWithoutTable
};

}  // namespace fate::http2
