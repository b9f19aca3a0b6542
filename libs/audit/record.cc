#include "audit/record.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>

namespace fate::audit {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

// The two digits of each byte.
constexpr auto kHex = [] {
  std::array<std::array<char, 2>, 256> table{};
  for (size_t i = 0; i < table.size(); ++i) table[i] = {kDigits[i >> 4], kDigits[i & 15]};
  return table;
}();

char* PutHex(const Hash& hash, char* at) {
  for (const uint8_t byte : hash) {
    std::memcpy(at, kHex[byte].data(), 2);
    at += 2;
  }
  return at;
}
constexpr int64_t kMicros = 1'000'000;

constexpr std::string_view kCodes[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

constexpr std::string_view kDirections[] = {"in", "out", "transit", "local"};

// A line under construction, in room that is reused: appending to a string byte by byte took longer
// than everything else about a record.
class Writer {
 public:
  explicit Writer(std::string* out) : out_(out), at_(Room()) {}
  ~Writer() { out_->append(Room(), static_cast<size_t>(at_ - Room())); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void Raw(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void Number(uint64_t value) { at_ = std::to_chars(at_, at_ + 20, value).ptr; }

  void Field(std::string_view key, uint64_t value) {
    Key(key);
    Number(value);
  }
  void Field(std::string_view key, const Hash& hash) {
    Key(key);
    Raw("\"");
    at_ = PutHex(hash, at_);
    Raw("\"");
  }
  // Bytes that are no plain ASCII become \u00XX: what is outside need not be UTF-8.
  void Text(std::string_view key, std::string_view text) {
    Key(key);
    Raw("\"");
    for (const char c : text.substr(0, kMaxTextBytes)) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
        *at_++ = c;
      } else {
        Raw("\\u00");
        Raw({kHex[byte].data(), 2});
      }
    }
    Raw("\"");
  }

  void Kind(std::string_view kind, int64_t time_us) {
    Raw("\"kind\":\"");
    Raw(kind);
    Raw("\"");
    Time(std::max<int64_t>(time_us, 0));
  }

  // `digest_key`_of: the digest is of the first bytes only.
  void Body(std::string_view bytes_key, std::string_view digest_key, const audit::Body& body) {
    Field(bytes_key, body.bytes);
    if (body.digested == 0) return;
    Field(digest_key, body.digest);
    if (body.digested == body.bytes) return;
    Raw(",\"");
    Raw(digest_key);
    Raw("_of\":");
    Number(body.digested);
  }

 private:
  static char* Room() {
    thread_local char room[kMaxLineBytes];
    return room;
  }

  void Key(std::string_view key) {
    Raw(",\"");
    Raw(key);
    Raw("\":");
  }

  // "2026-01-02T03:04:05.000006Z". The second is formatted once for all records within it.
  void Time(int64_t time_us) {
    thread_local int64_t last = -1;
    thread_local char text[32];
    const int64_t second = time_us / kMicros;
    if (second != last) {
      const time_t time = second;
      tm parts{};
      gmtime_r(&time, &parts);
      strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &parts);
      last = second;
    }
    Raw(",\"time\":\"");
    Raw(text);
    int64_t rest = time_us % kMicros;
    for (int i = 5; i >= 0; --i, rest /= 10) at_[i] = static_cast<char>('0' + rest % 10);
    at_ += 6;
    Raw("Z\"");
  }

  std::string* const out_;
  char* at_;
};

}  // namespace

void AppendHex(const Hash& hash, std::string* out) {
  std::array<char, 2 * std::tuple_size_v<Hash>> text;
  PutHex(hash, text.data());
  out->append(text.data(), text.size());
}

bool ParseHash(std::string_view text, Hash* hash) {
  auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (text.size() != 2 * hash->size()) return false;
  for (size_t i = 0; i < hash->size(); ++i) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    (*hash)[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

void AppendCall(const Call& call, std::string* out) {
  Writer line(out);
  line.Kind("call", call.end_us);
  line.Text("method", call.method);
  line.Text("direction", kDirections[static_cast<int>(call.direction)]);
  line.Text("from", call.from);
  line.Text("to", call.to);
  if (!call.session.empty()) line.Text("session", call.session);
  if (!call.tag.empty()) line.Text("tag", call.tag);
  line.Text("peer", call.peer);
  if (call.certified) line.Raw(",\"certified\":true");
  const auto code = static_cast<size_t>(call.grpc_code);
  line.Text("code", code < std::size(kCodes) ? kCodes[code] : kCodes[2]);
  line.Field("us", static_cast<uint64_t>(std::max<int64_t>(call.duration_us, 0)));
  line.Body("bytes", "sha256", call.request);
  line.Body("answer", "answer_sha256", call.answer);
}

void AppendGap(int64_t time_us, uint64_t missing, std::string_view why, std::string* out) {
  Writer line(out);
  line.Kind("gap", time_us);
  line.Field("missing", missing);
  line.Text("why", why);
}

void AppendClose(int64_t time_us, std::string_view why, std::string* out) {
  Writer line(out);
  line.Kind("close", time_us);
  line.Text("why", why);
}

void AppendOpen(const Open& open, std::string* out) {
  Writer line(out);
  line.Kind("open", open.time_us);
  line.Field("previous", open.previous);
  line.Text("after", open.after);
  if (open.torn_bytes > 0) {
    line.Field("torn_bytes", open.torn_bytes);
    line.Field("torn_sha256", open.torn);
  }
  line.Text("party", open.party);
  line.Text("digest", open.digest);
}

}  // namespace fate::audit
