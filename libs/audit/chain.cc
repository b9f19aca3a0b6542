#include "audit/chain.h"

#include "base/text.h"

namespace fate::audit {
namespace {

constexpr std::string_view kStart = "{\"n\":";
constexpr std::string_view kKind = ",\"kind\":\"";
constexpr std::string_view kChain = ",\"chain\":\"";
constexpr std::string_view kEnd = "\"}";
constexpr size_t kHexBytes = 64;

std::string_view Bytes(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace

void Chain::Begin(std::string* out) {
  start_ = out->size();
  *out += kStart;
  *out += std::to_string(++last_);
  *out += ',';
}

void Chain::End(std::string* out) {
  hash_ = Sha256(Bytes(hash_), std::string_view(*out).substr(start_));
  *out += kChain;
  AppendHex(hash_, out);
  *out += kEnd;
  *out += '\n';
}

std::optional<Line> ParseLine(std::string_view line) {
  constexpr size_t kTail = kChain.size() + kHexBytes + kEnd.size();
  if (line.size() > kMaxLineBytes || line.size() < kStart.size() + kTail) return std::nullopt;
  if (!line.starts_with(kStart) || !line.ends_with(kEnd)) return std::nullopt;
  Line result;
  result.hashed = line.substr(0, line.size() - kTail);
  const std::string_view tail = line.substr(line.size() - kTail);
  if (!tail.starts_with(kChain)) return std::nullopt;
  if (!ParseHash(tail.substr(kChain.size(), kHexBytes), &result.hash)) return std::nullopt;
  std::string_view rest = result.hashed.substr(kStart.size());
  const size_t comma = rest.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const auto number = ParseInt<uint64_t>(rest.substr(0, comma));
  if (!number || *number == 0) return std::nullopt;
  result.number = *number;
  rest.remove_prefix(comma);
  if (!rest.starts_with(kKind)) return std::nullopt;
  rest.remove_prefix(kKind.size());
  result.kind = rest.substr(0, rest.find('"'));
  return result;
}

std::string_view Field(std::string_view line, std::string_view key) {
  for (size_t at = line.find(key); at != std::string_view::npos; at = line.find(key, at + 1)) {
    if (at < 2 || line.substr(at - 2, 2) != ",\"") continue;
    std::string_view value = line.substr(at + key.size());
    if (!value.starts_with("\":")) continue;
    value.remove_prefix(2);
    if (!value.starts_with('"')) return value.substr(0, value.find_first_of(",}"));
    value.remove_prefix(1);
    return value.substr(0, value.find('"'));
  }
  return "";
}

}  // namespace fate::audit
