#pragma once

// A session of ours with an owner that remembers, and frames by hand, for tests.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "http2/session.h"

namespace fate::http2 {

using Side = Session::Side;
using Fault = Session::Fault;

inline std::string Body(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::string body(size, '\0');
  for (char& c : body) c = static_cast<char>(random());
  return body;
}

// What is known of a call at either end.
struct Call {
  Headers head, trailers;
  std::string received;
  size_t sent = 0;
  bool ended = false, end_sent = false, too_long = false;
  int closed = -1;  // the code
};

struct TestStream final : StreamState {
  Call* call;
};

// A session of ours. A server echoes; data is consumed on receipt unless `holds`.
class Ours final : public Session::Owner {
 public:
  explicit Ours(Side side, const Session::Settings& settings = {})
      : session_(side, this, &out_), side_(side) {
    session_.Start(settings);
  }
  bool Take(std::string_view bytes) { return session_.Feed(bytes); }
  std::string Give(size_t most = 1 << 20) {
    session_.Produce(most);
    std::string bytes;
    for (const Slice& slice : out_.slices()) bytes += slice.view();
    out_.RemovePrefix(bytes.size());
    session_.Written();
    return bytes;
  }

  TestStream* Add(int call) {
    auto owned = std::make_unique<TestStream>();
    TestStream* const stream = owned.get();
    stream->call = &calls_[call];
    streams_[stream] = std::move(owned);
    return stream;
  }
  // Client side; the call's number is the caller's.
  TestStream* Start(int call, const Headers& head, std::string body) {
    TestStream* const stream = Add(call);
    if (!body.empty()) stream->out.Push(Slice::Take(std::move(body)));
    session_.SendRequest(stream, head, /*end=*/false);
    stream->end_queued = true;
    session_.Resume(stream);
    return stream;
  }

  void OnFrame(uint8_t type, uint8_t, bool) override { frames_.push_back(type); }
  void OnRefusedFrame() override { ++refused_; }
  StreamState* NewRequest(int32_t id) override { return Add(id); }
  void OnHead(StreamState* state, Headers head, bool) override {
    auto* stream = static_cast<TestStream*>(state);
    stream->call->head = std::move(head);
    if (side_ == Side::kServer && echoes_) {
      session_.SendHead(stream, {{":status", "200"}, {"content-type", "test"}}, false);
    }
  }
  void OnHeadersTooLong(StreamState* state) override {
    static_cast<TestStream*>(state)->call->too_long = true;
    session_.Reset(state, kEnhanceYourCalm);
  }
  void OnData(StreamState* state, std::string_view bytes) override {
    auto* stream = static_cast<TestStream*>(state);
    stream->call->received += bytes;
    if (!holds_) session_.Consume(state, bytes.size(), window_);
    if (side_ == Side::kServer && echoes_) {
      stream->out.Push(Slice::Copy(bytes));
      session_.Resume(stream);
    }
  }
  void OnEnd(StreamState* state, Headers trailers) override {
    auto* stream = static_cast<TestStream*>(state);
    stream->call->ended = true;
    stream->call->trailers = std::move(trailers);
    if (side_ == Side::kServer && echoes_) {
      stream->trailers = {{"grpc-status", "0"}};
      stream->end_queued = true;
      session_.Resume(stream);
    }
  }
  void OnSent(StreamState* state, size_t bytes) override {
    static_cast<TestStream*>(state)->call->sent += bytes;
  }
  void OnEndSent(StreamState* state) override {
    static_cast<TestStream*>(state)->call->end_sent = true;
  }
  void OnClosed(StreamState* state, uint32_t error_code) override {
    auto* stream = static_cast<TestStream*>(state);
    stream->call->closed = static_cast<int>(error_code);
    streams_.erase(stream);
  }

  Output out_;
  Session session_;
  const Side side_;
  bool echoes_ = true, holds_ = false;
  uint32_t window_ = kMostWindowBytes;  // to consume with
  std::map<int, Call> calls_;
  std::vector<int> frames_;
  int refused_ = 0;
  std::map<TestStream*, std::unique_ptr<TestStream>> streams_;
};

inline std::string Frame(int type, int flags, int32_t stream, std::string_view payload = "") {
  char head[kFrameHeadBytes];
  WriteFrameHead({static_cast<uint32_t>(payload.size()), static_cast<uint8_t>(type),
                  static_cast<uint8_t>(flags), stream},
                 head);
  return std::string(head, sizeof head) + std::string(payload);
}

inline std::string Number(uint32_t number, int bytes = 4) {
  std::string text(static_cast<size_t>(bytes), '\0');
  WriteNumber(number, bytes, text.data());
  return text;
}

inline std::string Greeting() { return std::string(kPreface) + Frame(kSettingsFrame, 0, 0); }
inline std::string SettingOf(Setting setting, uint32_t value) {
  return Number(setting, 2) + Number(value);
}
inline const std::string kRequest = "\x83\x86\x84";  // POST, http, "/"
inline std::string Request(int32_t id, int flags = kEndHeaders | kEndStream,
                           const std::string& more = "") {
  return Frame(kHeadersFrame, flags, id, kRequest + more);
}

struct Sent {
  FrameHead head;
  std::string payload;
};
inline std::vector<Sent> Frames(std::string_view bytes) {
  std::vector<Sent> frames;
  while (bytes.size() >= kFrameHeadBytes) {
    const FrameHead head = ReadFrameHead(bytes.data());
    frames.push_back({head, std::string(bytes.substr(kFrameHeadBytes, head.size))});
    bytes.remove_prefix(kFrameHeadBytes + head.size);
  }
  return frames;
}
// The code of the RST_STREAM in `bytes`; -1: none.
inline int ResetCode(std::string_view bytes, int32_t id) {
  for (const Sent& frame : Frames(bytes)) {
    if (frame.head.type == kResetFrame && frame.head.stream == id) {
      return static_cast<int>(ReadNumber(frame.payload.data(), 4));
    }
  }
  return -1;
}

}  // namespace fate::http2
