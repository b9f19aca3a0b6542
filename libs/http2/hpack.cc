#include "http2/hpack.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "http2/huffman.h"
#include "http2/rules.h"

namespace fate::http2 {
namespace {

constexpr uint64_t kStaticCount = 61;
// RFC 7541, appendix A; the first is number 1.
constexpr Header kStatic[kStaticCount] = {
    {":authority", ""},
    {":method", "GET"},
    {":method", "POST"},
    {":path", "/"},
    {":path", "/index.html"},
    {":scheme", "http"},
    {":scheme", "https"},
    {":status", "200"},
    {":status", "204"},
    {":status", "206"},
    {":status", "304"},
    {":status", "400"},
    {":status", "404"},
    {":status", "500"},
    {"accept-charset", ""},
    {"accept-encoding", "gzip, deflate"},
    {"accept-language", ""},
    {"accept-ranges", ""},
    {"accept", ""},
    {"access-control-allow-origin", ""},
    {"age", ""},
    {"allow", ""},
    {"authorization", ""},
    {"cache-control", ""},
    {"content-disposition", ""},
    {"content-encoding", ""},
    {"content-language", ""},
    {"content-length", ""},
    {"content-location", ""},
    {"content-range", ""},
    {"content-type", ""},
    {"cookie", ""},
    {"date", ""},
    {"etag", ""},
    {"expect", ""},
    {"expires", ""},
    {"from", ""},
    {"host", ""},
    {"if-match", ""},
    {"if-modified-since", ""},
    {"if-none-match", ""},
    {"if-range", ""},
    {"if-unmodified-since", ""},
    {"last-modified", ""},
    {"link", ""},
    {"location", ""},
    {"max-forwards", ""},
    {"proxy-authenticate", ""},
    {"proxy-authorization", ""},
    {"range", ""},
    {"referer", ""},
    {"refresh", ""},
    {"retry-after", ""},
    {"server", ""},
    {"set-cookie", ""},
    {"strict-transport-security", ""},
    {"transfer-encoding", ""},
    {"user-agent", ""},
    {"vary", ""},
    {"via", ""},
    {"www-authenticate", ""},
};

// The first of each name; those of the same name follow each other.
const absl::flat_hash_map<std::string_view, uint64_t>& StaticNames() {
  static const auto* const names = [] {
    auto* result = new absl::flat_hash_map<std::string_view, uint64_t>;
    for (uint64_t i = 0; i < kStaticCount; ++i) result->emplace(kStatic[i].name, i + 1);
    return result;
  }();
  return *names;
}

// Representations (RFC 7541, 6): the first byte's fixed bits, and how many the number has.
constexpr uint8_t kIndexed = 0x80, kAndIndex = 0x40, kResize = 0x20, kNever = 0x10, kPlain = 0;
constexpr uint8_t kResizeMask = 0xe0;
constexpr int kIndexedBits = 7, kAndIndexBits = 6, kResizeBits = 5, kLiteralBits = 4;
constexpr int kLengthBits = 7;
constexpr uint8_t kHuffman = 0x80;
// What a block may make of itself: an index of one byte stands for 4 KiB.
constexpr size_t kMostDecodedBytes = size_t{1} << 20;
constexpr uint64_t kMostNumber = uint64_t{1} << 28;

// RFC 7541, 5.1. False: it is cut short or of no use.
bool TakeNumber(std::string_view* bytes, int bits, uint64_t* number) {
  if (bytes->empty()) return false;
  const uint64_t full = (uint64_t{1} << bits) - 1;
  *number = static_cast<uint8_t>(bytes->front()) & full;
  bytes->remove_prefix(1);
  if (*number < full) return true;
  for (int shift = 0; !bytes->empty() && shift <= 28; shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes->front());
    bytes->remove_prefix(1);
    *number += uint64_t{byte & 0x7fu} << shift;
    if (!(byte & 0x80)) return *number <= kMostNumber;
  }
  return false;
}

void PutNumber(uint8_t first, int bits, uint64_t number, std::string* out) {
  const uint64_t full = (uint64_t{1} << bits) - 1;
  if (number < full) {
    out->push_back(static_cast<char>(first | number));
    return;
  }
  out->push_back(static_cast<char>(first | full));
  for (number -= full; number >= 0x80; number >>= 7) {
    out->push_back(static_cast<char>(number | 0x80));
  }
  out->push_back(static_cast<char>(number));
}

bool TakeText(std::string_view* bytes, std::vector<char>* out) {
  if (bytes->empty()) return false;
  const bool packed = static_cast<uint8_t>(bytes->front()) & kHuffman;
  uint64_t size = 0;
  if (!TakeNumber(bytes, kLengthBits, &size) || size > bytes->size()) return false;
  const std::string_view text = bytes->substr(0, size);
  bytes->remove_prefix(size);
  if (packed) return DecodeHuffman(text, out);
  out->insert(out->end(), text.begin(), text.end());
  return true;
}

void PutText(std::string_view text, std::string* out) {
  PutNumber(0, kLengthBits, text.size(), out);
  out->append(text);
}

// `index` of the name, 0 if it has none.
void PutLiteral(uint8_t kind, int bits, uint64_t index, const Header& header, std::string* out) {
  PutNumber(kind, bits, index, out);
  if (index == 0) PutText(header.name, out);
  PutText(header.value, out);
}

// 0: none of that name.
uint64_t FindStaticName(std::string_view name) {
  const auto first = StaticNames().find(name);
  return first == StaticNames().end() ? 0 : first->second;
}

// `name`: as FindStaticName gives it. 0: none.
uint64_t FindStaticField(const Header& header, uint64_t name) {
  for (uint64_t i = name; i > 0 && i <= kStaticCount && kStatic[i - 1].name == header.name; ++i) {
    if (kStatic[i - 1].value == header.value) return i;
  }
  return 0;
}

void Put(std::string_view text, std::vector<char>* out) {
  out->insert(out->end(), text.begin(), text.end());
}

}  // namespace

void HpackTable::Insert(std::string_view name, std::string_view value, bool good) {
  const size_t size = SizeOf(name, value);
  Shrink(size <= limit_ ? limit_ - size : 0);
  if (size > limit_) return;                          // empties the table (RFC 7541, 4.4)
  if (first_ > 0 && first_ * 2 >= entries_.size()) {  // move up
    const uint32_t gone =
        first_ < entries_.size() ? entries_[first_].start : static_cast<uint32_t>(bytes_.size());
    bytes_.erase(bytes_.begin(), bytes_.begin() + gone);
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(first_));
    for (Entry& entry : entries_) entry.start -= gone;
    first_ = 0;
  }
  entries_.push_back({static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(name.size()),
                      static_cast<uint32_t>(value.size()), good});
  Put(name, &bytes_);
  Put(value, &bytes_);
  size_ += size;
  ++inserted_;
}

void HpackTable::Shrink(size_t bytes) {
  while (size_ > bytes) {
    const Entry& oldest = entries_[first_++];
    size_ -= oldest.name_size + oldest.value_size + kHeaderOverheadBytes;
  }
}

void HpackTable::Resize(uint32_t bytes) {
  limit_ = bytes;
  Shrink(bytes);
}

struct HpackDecoder::Block {
  std::string_view bytes;
  Headers* headers;
  bool may_resize = true;  // only before the first header
  bool good = true;        // all characters
  size_t decoded = 0;      // bytes, also those that were too many
};

HpackDecoder::Result HpackDecoder::Decode(std::string_view bytes, size_t most, size_t most_bytes,
                                          Headers* headers) {
  Block block{bytes, headers};
  bool too_long = false;
  while (!block.bytes.empty()) {
    const size_t before = headers->bytes();
    if (!DecodeOne(&block)) return Result::kBroken;
    block.decoded += headers->bytes() - before;
    if (block.decoded > kMostDecodedBytes) return Result::kBroken;
    if (too_long || headers->size() > most ||
        headers->bytes() + kHeaderOverheadBytes * headers->size() > most_bytes) {
      too_long = true;
      headers->clear();
    }
  }
  return too_long ? Result::kTooLong : block.good ? Result::kOk : Result::kMalformed;
}

bool HpackDecoder::DecodeOne(Block* block) {
  std::string_view* const bytes = &block->bytes;
  const auto first = static_cast<uint8_t>(bytes->front());
  std::vector<char>& out = block->headers->raw();
  const size_t start = out.size();
  size_t name_size = 0;
  uint64_t index = 0;
  if (first & kIndexed) {
    block->may_resize = false;
    if (!TakeNumber(bytes, kIndexedBits, &index)) return false;
    if (!CopyIndexed(index, /*with_value=*/true, block, &name_size)) return false;
    block->headers->Written(start, name_size, false);
    return true;
  }
  if ((first & kResizeMask) == kResize) {
    if (!block->may_resize || !TakeNumber(bytes, kResizeBits, &index)) return false;
    if (index > kHpackTableBytes) return false;
    table_.Resize(static_cast<uint32_t>(index));
    return true;
  }
  block->may_resize = false;
  const bool keep = first & kAndIndex;
  const bool good_before = std::exchange(block->good, true);
  if (!TakeNumber(bytes, keep ? kAndIndexBits : kLiteralBits, &index)) return false;
  if (index > 0) {
    if (!CopyIndexed(index, /*with_value=*/false, block, &name_size)) return false;
  } else {
    if (!TakeText(bytes, &out)) return false;
    name_size = out.size() - start;
    block->good = IsGoodName({out.data() + start, name_size});
  }
  if (!TakeText(bytes, &out)) return false;
  const std::string_view both(out.data() + start, out.size() - start);
  block->good = block->good && IsGoodValue(both.substr(name_size));
  if (keep) table_.Insert(both.substr(0, name_size), both.substr(name_size), block->good);
  block->good = block->good && good_before;
  block->headers->Written(start, name_size, !keep && (first & kNever));
  return true;
}

bool HpackDecoder::CopyIndexed(uint64_t index, bool with_value, Block* block,
                               size_t* name_size) const {
  if (index == 0 || index > kStaticCount + table_.count()) return false;
  Header found;
  if (index <= kStaticCount) {
    found = kStatic[index - 1];
  } else {
    const uint64_t number = table_.inserted() - (index - kStaticCount);
    found = table_.At(number);
    block->good = block->good && table_.IsGood(number);
  }
  Put(found.name, &block->headers->raw());
  if (with_value) Put(found.value, &block->headers->raw());
  *name_size = found.name.size();
  return true;
}

void HpackEncoder::SetPeerLimit(uint32_t bytes) {
  bytes = std::min(bytes, kHpackTableBytes);
  if (bytes == announce_limit_) return;
  announce_limit_ = bytes;
  least_limit_ = announces_ ? std::min(least_limit_, bytes) : bytes;
  announces_ = true;
}

void HpackEncoder::Encode(const Headers& headers, std::string* block) {
  if (announces_) {  // the least in between first: RFC 7541, 4.2
    if (least_limit_ < announce_limit_) PutNumber(kResize, kResizeBits, least_limit_, block);
    PutNumber(kResize, kResizeBits, announce_limit_, block);
    table_.Resize(least_limit_);
    table_.Resize(announce_limit_);
    announces_ = false;
  }
  if (blocks_ < kBlocksWithoutTable) {
    ++blocks_;
    for (const Header& header : headers) EncodeStatic(header, block);
    return;
  }
  if (slots_.empty()) slots_.resize(kSlots);
  if (expected_.size() < headers.size()) expected_.resize(headers.size(), kNowhere);
  for (size_t i = 0; i < headers.size(); ++i) EncodeOne(headers[i], &expected_[i], block);
}

void HpackEncoder::EncodeStatic(const Header& header, std::string* block) {
  const uint64_t name = FindStaticName(header.name);
  const Place field = header.secret ? kNowhere : FindStaticField(header, name);
  if (field != kNowhere) return PutNumber(kIndexed, kIndexedBits, field, block);
  PutLiteral(header.secret ? kNever : kPlain, kLiteralBits, name, header, block);
}

bool HpackEncoder::IsAt(Place place, const Header& header) const {
  if (place == kNowhere) return false;
  if (place >= kDynamic && !table_.Has(place - kDynamic)) return false;
  const Header found = place < kDynamic ? kStatic[place - 1] : table_.At(place - kDynamic);
  return found.name == header.name && found.value == header.value;
}

uint64_t HpackEncoder::IndexOf(Place place) const {
  return place < kDynamic ? place : kStaticCount + table_.inserted() - (place - kDynamic);
}

void HpackEncoder::EncodeOne(const Header& header, Place* expected, std::string* block) {
  if (!header.secret && IsAt(*expected, header)) {
    return PutNumber(kIndexed, kIndexedBits, IndexOf(*expected), block);
  }
  const auto name_hash = static_cast<uint32_t>(absl::HashOf(header.name));
  const auto hash = static_cast<uint32_t>(absl::HashOf(header.name, header.value));
  if (!header.secret) {
    *expected = FindField(header, hash);
    if (*expected != kNowhere) {
      return PutNumber(kIndexed, kIndexedBits, IndexOf(*expected), block);
    }
  }
  const Place name = FindName(header.name, name_hash);
  const uint64_t index = name == kNowhere ? 0 : IndexOf(name);
  if (!IsWorthKeeping(header, hash, name >= kDynamic)) {
    return PutLiteral(header.secret ? kNever : kPlain, kLiteralBits, index, header, block);
  }
  PutLiteral(kAndIndex, kAndIndexBits, index, header, block);
  *expected = kDynamic + table_.inserted();
  slots_[hash % kSlots].field = slots_[name_hash % kSlots].name = table_.inserted();
  table_.Insert(header.name, header.value);
}

HpackEncoder::Place HpackEncoder::FindField(const Header& header, uint32_t hash) const {
  const Place place = kDynamic + slots_[hash % kSlots].field;
  return IsAt(place, header) ? place : FindStaticField(header, FindStaticName(header.name));
}

HpackEncoder::Place HpackEncoder::FindName(std::string_view name, uint32_t hash) const {
  const uint64_t number = slots_[hash % kSlots].name;
  if (table_.Has(number) && table_.At(number).name == name) return kDynamic + number;
  return FindStaticName(name);
}

// What changes from block to block would only push the others out. `name_is_known`: the table has
// another value for it.
bool HpackEncoder::IsWorthKeeping(const Header& header, uint32_t hash, bool name_is_known) {
  if (header.secret) return false;
  if (HpackTable::SizeOf(header.name, header.value) > table_.limit() / 4) return false;
  if (!name_is_known) return true;
  return std::exchange(slots_[hash % kSlots].sent, hash) == hash;
}

}  // namespace fate::http2
