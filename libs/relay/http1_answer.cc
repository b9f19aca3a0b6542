#include "relay/http1_answer.h"

#include <algorithm>
#include <charconv>

#include "base/limits.h"
#include "base/status.h"
#include "base/text.h"

namespace fate::relay {

absl::Status Http1Answer::Add(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::kDone) {
    if (state_ == State::kBody || state_ == State::kBodyUntilEnd || state_ == State::kChunk) {
      RETURN_IF_ERROR(Take(&bytes));
      continue;
    }
    const size_t end = bytes.find('\n');
    const size_t size = end == std::string_view::npos ? bytes.size() : end + 1;
    head_bytes_ += size;
    if (head_bytes_ > kMaxHttpHeaderBytes) {
      return ResourceExhaustedError("the head of the answer has more than {} bytes",
                                    kMaxHttpHeaderBytes);
    }
    line_ += bytes.substr(0, size);
    bytes.remove_prefix(size);
    if (end == std::string_view::npos) break;
    line_.pop_back();
    if (line_.ends_with('\r')) line_.pop_back();
    const std::string line = std::exchange(line_, "");
    RETURN_IF_ERROR(OnLine(line));
  }
  return absl::OkStatus();
}

absl::Status Http1Answer::End() {
  if (state_ == State::kBodyUntilEnd) state_ = State::kDone;
  if (state_ == State::kDone) return absl::OkStatus();
  return UnavailableError("the connection ended {}",
                          status_ == 0 ? "before the answer" : "within the answer");
}

absl::Status Http1Answer::OnLine(std::string_view line) {
  switch (state_) {
    case State::kStatusLine:
      return OnStatusLine(line);
    case State::kHeaders:
      return line.empty() ? HeadersEnd() : OnHeader(line);
    case State::kChunkSize:
      return OnChunkSize(line);
    case State::kChunkEnd:
      if (!line.empty()) return InvalidArgumentError("a chunk is longer than it says");
      state_ = State::kChunkSize;
      head_bytes_ = 0;  // else many chunks would be a long head
      return absl::OkStatus();
    case State::kTrailers:
      if (line.empty()) state_ = State::kDone;
      return absl::OkStatus();
    default:
      return InternalError("no line is expected in a body");
  }
}

// "HTTP/1.1 200 OK"
absl::Status Http1Answer::OnStatusLine(std::string_view line) {
  const bool is_http1 = line.starts_with("HTTP/1.") && line.size() >= 12 && line[8] == ' ';
  const auto status = is_http1 ? ParseInt<int>(line.substr(9, 3)) : std::nullopt;
  if (!status || *status < 100 || *status > 599) {
    return InvalidArgumentError("the answer is not HTTP/1.1: it begins with '{}'",
                                Escape(line.substr(0, 40)));
  }
  status_ = *status;
  state_ = State::kHeaders;
  return absl::OkStatus();
}

absl::Status Http1Answer::OnHeader(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return InvalidArgumentError("'{}' is no header", Escape(line.substr(0, 40)));
  }
  headers_.push_back({ToLower(line.substr(0, colon)), std::string(Trim(line.substr(colon + 1)))});
  return absl::OkStatus();
}

absl::Status Http1Answer::HeadersEnd() {
  if (status_ < 200) {  // an interim answer; the real one follows
    headers_.clear();
    state_ = State::kStatusLine;
    return absl::OkStatus();
  }
  const std::string coding = ToLower(Find(headers_, "transfer-encoding"));
  if (!coding.empty()) {
    if (coding != "chunked") {
      return InvalidArgumentError("transfer-encoding '{}' is not known", Escape(coding));
    }
    state_ = State::kChunkSize;
    return absl::OkStatus();
  }
  const std::string_view length = Find(headers_, "content-length");
  if (status_ == 204 || status_ == 304 || length == "0") {
    state_ = State::kDone;
  } else if (length.empty()) {
    state_ = State::kBodyUntilEnd;
  } else {
    const auto bytes = ParseInt<uint64_t>(length);
    if (!bytes) return InvalidArgumentError("content-length is '{}'", Escape(length));
    RETURN_IF_ERROR(Expect(*bytes));
    state_ = State::kBody;
  }
  return absl::OkStatus();
}

absl::Status Http1Answer::Expect(uint64_t body_bytes) {
  if (body_bytes > max_body_bytes_ || body_.size() + body_bytes > max_body_bytes_) {
    return ResourceExhaustedError("the answer has more than {} bytes", max_body_bytes_);
  }
  left_ = body_bytes;
  return absl::OkStatus();
}

// "1a;extension"
absl::Status Http1Answer::OnChunkSize(std::string_view line) {
  line = Trim(line.substr(0, line.find(';')));
  uint64_t bytes = 0;
  const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), bytes, 16);
  if (line.empty() || error != std::errc{} || stop != line.data() + line.size()) {
    return InvalidArgumentError("'{}' is no size of a chunk", Escape(line.substr(0, 40)));
  }
  RETURN_IF_ERROR(Expect(bytes));
  state_ = bytes == 0 ? State::kTrailers : State::kChunk;
  return absl::OkStatus();
}

absl::Status Http1Answer::Take(std::string_view* bytes) {
  if (state_ == State::kBodyUntilEnd) {
    RETURN_IF_ERROR(Expect(bytes->size()));
  }
  const size_t size = std::min<uint64_t>(left_, bytes->size());
  body_ += bytes->substr(0, size);
  bytes->remove_prefix(size);
  left_ -= size;
  if (left_ > 0) return absl::OkStatus();
  if (state_ == State::kBody) state_ = State::kDone;
  if (state_ == State::kChunk) state_ = State::kChunkEnd;
  return absl::OkStatus();
}

}  // namespace fate::relay
