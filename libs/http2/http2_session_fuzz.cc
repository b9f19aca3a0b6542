#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>

#include "http2/session.h"

namespace {

using namespace fate;
using namespace fate::http2;

// An owner that does by the bytes of its script what callers do.
class Fuzzed final : public Session::Owner {
 public:
  Fuzzed(Session::Side side, std::string_view script)
      : session_(side, this, &out_), script_(script), is_server_(side == Session::Side::kServer) {
    session_.Start({.stream_window_bytes = 1000, .max_streams = 20, .max_header_bytes = 2000});
    for (int i = 0; !is_server_ && i < 3; ++i) {
      session_.SendRequest(Add(), {{":method", "POST"}, {":path", "/"}, {":scheme", "http"}},
                           i == 0);
    }
  }

  void Run(std::string_view bytes, size_t step) {
    for (size_t at = 0; at < bytes.size(); at += step) {
      if (!session_.Feed(bytes.substr(at, step))) break;
      session_.Produce(100'000);
      if (out_.bytes() > 10'000'000) std::abort();
      out_.RemovePrefix(out_.bytes());
      session_.Written();
    }
    session_.Stop();
  }

 private:
  StreamState* Add() {
    auto stream = std::make_unique<StreamState>();
    StreamState* const raw = stream.get();
    streams_[raw] = std::move(stream);
    return raw;
  }
  void Act(StreamState* stream) {
    if (!streams_.contains(stream)) std::abort();
    if (script_.empty()) return;
    const auto action = static_cast<uint8_t>(script_.front());
    script_.remove_prefix(1);
    if (action & 1) session_.SendHead(stream, {{":status", "200"}}, action & 2);
    if (action & 4 && !stream->end_queued) stream->out.Push(Slice::Take(std::string(action, 'x')));
    if (action & 8 && !stream->end_queued) stream->trailers = {{"grpc-status", "0"}};
    if (action & 16) stream->end_queued = true;
    if (action & 32) session_.Reset(stream, kCancel);
    if (action & 64) session_.Resume(stream);
    if (action & 128 && action & 64) session_.Stop();
  }

  void OnFrame(uint8_t, uint8_t, bool) override {}
  void OnRefusedFrame() override {}
  StreamState* NewRequest(int32_t) override { return Add(); }
  void OnHead(StreamState* stream, Headers head, bool) override {
    if (head.bytes() > 2000) std::abort();
    Act(stream);
  }
  void OnHeadersTooLong(StreamState* stream) override { session_.Reset(stream, kEnhanceYourCalm); }
  void OnData(StreamState* stream, std::string_view bytes) override {
    if (bytes.empty()) std::abort();
    Act(stream);
    session_.Consume(stream, bytes.size());
  }
  void OnEnd(StreamState* stream, Headers) override { Act(stream); }
  void OnSent(StreamState* stream, size_t bytes) override {
    if (bytes == 0) std::abort();
    Act(stream);
  }
  void OnEndSent(StreamState* stream) override { Act(stream); }
  void OnClosed(StreamState* stream, uint32_t) override {
    if (streams_.erase(stream) != 1) std::abort();
  }

  Output out_;
  Session session_;
  std::string_view script_;
  const bool is_server_;
  std::map<StreamState*, std::unique_ptr<StreamState>> streams_;
};

}  // namespace

// A byte for the side and the size of reads, one for the length of the owner's script, the script,
// and what the peer sends (behind the preface).
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto kind = static_cast<uint8_t>(text[0]);
  const std::string_view script = text.substr(2, static_cast<uint8_t>(text[1]));
  const std::string_view sent = text.substr(2 + script.size());
  const bool is_server = kind & 1;
  Fuzzed fuzzed(is_server ? Session::Side::kServer : Session::Side::kClient, script);
  fuzzed.Run(is_server ? std::string(kPreface) + std::string(sent) : std::string(sent),
             kind & 2 ? kind / 4 + 1 : size + kPreface.size());
  return 0;
}
