#include "relay/grpc_wire.h"

#include <algorithm>

#include "base/status.h"
#include "base/text.h"

namespace fate::relay {
namespace {

constexpr size_t kTogetherBytes = 1 << 10;  // of a message: copied behind its frame's head

constexpr size_t kStatusTextBytes = 4096;
constexpr size_t kRequestHeaders = 7, kRequestHeaderBytes = 120;  // without metadata
// A message's buffer grows with what arrives, not with what its head announces.
constexpr size_t kReserveAtOnceBytes = 4 << 20;

bool IsPlain(char c) { return c >= 0x20 && c < 0x7f && c != '%'; }

// HTTP status -> gRPC status (gRPC's http-grpc-status-mapping.md).
absl::StatusCode FromHttp(std::string_view status) {
  if (status == "400") return absl::StatusCode::kInternal;
  if (status == "401") return absl::StatusCode::kUnauthenticated;
  if (status == "403") return absl::StatusCode::kPermissionDenied;
  if (status == "404") return absl::StatusCode::kUnimplemented;
  if (status == "429" || status == "502" || status == "503" || status == "504") {
    return absl::StatusCode::kUnavailable;
  }
  return absl::StatusCode::kUnknown;
}

}  // namespace

std::string FrameHead(size_t message_bytes) {
  auto size = static_cast<uint32_t>(message_bytes);
  return {'\0', static_cast<char>(size >> 24), static_cast<char>(size >> 16),
          static_cast<char>(size >> 8), static_cast<char>(size)};
}

absl::StatusOr<std::optional<std::string>> FrameReader::Next(std::string_view* bytes) {
  if (!in_message_) {
    size_t missing = std::min(kFrameHeadBytes - head_.size(), bytes->size());
    head_.append(bytes->substr(0, missing));
    bytes->remove_prefix(missing);
    if (head_.size() < kFrameHeadBytes) return std::nullopt;
    ASSIGN_OR_RETURN(length_, ParseFrameHead(head_, limit_bytes_));
    head_.clear();
    in_message_ = true;
  }
  size_t size = std::min(length_ - message_.size(), bytes->size());
  if (length_ <= kReserveAtOnceBytes || message_.size() >= length_ / 4) message_.reserve(length_);
  message_.append(bytes->substr(0, size));
  bytes->remove_prefix(size);
  if (message_.size() < length_) return std::nullopt;
  in_message_ = false;
  return std::exchange(message_, {});
}

absl::StatusOr<size_t> ParseFrameHead(std::string_view head, size_t limit_bytes) {
  auto byte = [head](int i) { return static_cast<uint32_t>(static_cast<unsigned char>(head[i])); };
  uint32_t flag = byte(0);
  size_t length = byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
  if (flag == 1) {
    return UnimplementedError("compressed messages are not supported; send grpc-encoding identity");
  }
  if (flag != 0) return InvalidArgumentError("no gRPC message: its first byte is {}", flag);
  if (length > limit_bytes) {
    return ResourceExhaustedError(
        "a message of {} bytes; at most {} are allowed, send it in smaller parts", length,
        limit_bytes);
  }
  return length;
}

absl::Status RopeFrameReader::Add(Slice slice) {
  while (!length_ && slice.size > 0) {
    head_ += *slice.data;
    slice.RemovePrefix(1);
    if (head_.size() < kFrameHeadBytes) continue;
    ASSIGN_OR_RETURN(length_, ParseFrameHead(head_, limit_bytes_));
  }
  if (slice.size == 0) return absl::OkStatus();
  if (slice.size > *length_ - message_.size()) {
    return InvalidArgumentError("more than one message in a unary call");
  }
  size_t expected = *length_ - message_.size() - slice.size;
  message_.Append(std::move(slice), expected);
  return absl::OkStatus();
}

std::optional<absl::Duration> ParseTimeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  auto value = ParseInt<int64_t>(text.substr(0, text.size() - 1));
  if (!value || *value < 0) return std::nullopt;
  switch (text.back()) {
    case 'H':
      return absl::Hours(*value);
    case 'M':
      return absl::Minutes(*value);
    case 'S':
      return absl::Seconds(*value);
    case 'm':
      return absl::Milliseconds(*value);
    case 'u':
      return absl::Microseconds(*value);
    case 'n':
      return absl::Nanoseconds(*value);
    default:
      return std::nullopt;
  }
}

std::string FormatTimeout(absl::Duration timeout) {
  constexpr int64_t kMaxValue = 99'999'999;
  int64_t ms = std::max<int64_t>(absl::ToInt64Milliseconds(timeout), 1);
  if (ms <= kMaxValue) return fmt::format("{}m", ms);
  return fmt::format("{}S", std::min<int64_t>(ms / 1000, kMaxValue));
}

std::string PercentEncode(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (IsPlain(c)) {
      result += c;
    } else {
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return result;
}

std::string PercentDecode(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    std::optional<std::string> byte;
    if (text[i] == '%' && i + 2 < text.size() && text[i + 1] != ' ' && text[i + 2] != ' ') {
      byte = HexDecode(text.substr(i + 1, 2));
    }
    if (byte && byte->size() == 1) {
      result += *byte;
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

absl::Status StatusOf(const Headers& head, const Headers& trailers) {
  const Headers& source = Find(trailers, "grpc-status").empty() ? head : trailers;
  std::string_view code_text = Find(source, "grpc-status");
  std::string message = PercentDecode(Find(source, "grpc-message"));
  if (code_text.empty()) {
    std::string_view http = Find(head, ":status");
    if (http == "200") return absl::UnknownError("the answer has no grpc-status");
    return absl::Status(FromHttp(http),
                        fmt::format("HTTP status {} instead of a gRPC answer", Escape(http)));
  }
  auto code = ParseInt<int>(code_text);
  if (code == 0) return absl::OkStatus();
  if (!code || *code < 0 || *code > 16) return absl::UnknownError(message);
  return absl::Status(static_cast<absl::StatusCode>(*code), message);
}

Headers StatusTrailers(const absl::Status& status) {
  Headers trailers = {{"grpc-status", std::to_string(static_cast<int>(status.code()))}};
  if (!status.ok()) {
    trailers.push_back(
        {"grpc-message", PercentEncode(Message(status).substr(0, kStatusTextBytes))});
  }
  return trailers;
}

const Headers& ResponseHead() {
  static const Headers head = {{":status", "200"}, {"content-type", "application/grpc"}};
  return head;
}

Headers RequestHead(std::string_view path, std::string_view authority, absl::Duration timeout,
                    const Headers& metadata, const Headers* more) {
  Headers head;
  head.Reserve(kRequestHeaders + metadata.size() + (more ? more->size() : 0),
               kRequestHeaderBytes + path.size() + authority.size() + metadata.bytes() +
                   (more ? more->bytes() : 0));
  head.push_back({":method", "POST"});
  head.push_back({":scheme", "http"});
  head.push_back({":path", path});
  head.push_back({":authority", authority});
  head.push_back({"te", "trailers"});
  head.push_back({"content-type", "application/grpc"});
  if (timeout < absl::InfiniteDuration()) head.push_back({"grpc-timeout", FormatTimeout(timeout)});
  head.Append(metadata);
  if (more) head.Append(*more);
  return head;
}

void SendStatus(Stream* stream, bool head_sent, const absl::Status& status) {
  Headers trailers = StatusTrailers(status);
  if (head_sent) return stream->SendEnd(std::move(trailers));
  Headers head = ResponseHead();
  head.Append(trailers);
  stream->SendHeaders(head, /*end=*/true);
}

void SendMessage(Stream* stream, std::vector<Slice> pieces, const Headers& metadata) {
  size_t bytes = 0;
  for (const Slice& piece : pieces) bytes += piece.size;
  if (metadata.empty()) {
    stream->SendHeaders(ResponseHead(), /*end=*/false);
  } else {
    Headers head = ResponseHead();
    head.Append(metadata);
    stream->SendHeaders(head, /*end=*/false);
  }
  if (bytes <= kTogetherBytes) {
    const auto whole = std::make_shared_for_overwrite<char[]>(kFrameHeadBytes + bytes);
    char* end = std::ranges::copy(FrameHead(bytes), whole.get()).out;
    for (const Slice& piece : pieces) end = std::ranges::copy(piece.view(), end).out;
    stream->SendData({whole, whole.get(), kFrameHeadBytes + bytes});
  } else {
    stream->SendData(Slice::Take(FrameHead(bytes)));
    for (Slice& piece : pieces) stream->SendData(std::move(piece));
  }
  stream->SendEnd(StatusTrailers(absl::OkStatus()));
}

}  // namespace fate::relay
