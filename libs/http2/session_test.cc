#include "http2/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <map>
#include <memory>
#include <random>

namespace fate::http2 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Side = Session::Side;
using Fault = Session::Fault;

std::string Body(size_t size, uint32_t seed) {
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
    if (!holds_) session_.Consume(state, bytes.size());
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
  std::map<int, Call> calls_;
  std::vector<int> frames_;
  int refused_ = 0;
  std::map<TestStream*, std::unique_ptr<TestStream>> streams_;
};

nghttp2_nv Nv(std::string_view name, std::string_view value) {
  auto bytes = [](std::string_view s) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(s.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// libnghttp2 at the other end. A server echoes once a request is whole.
class Theirs {
 public:
  explicit Theirs(Side side) : side_(side) {
    nghttp2_session_callbacks* callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t n,
                      const uint8_t* value, size_t v, uint8_t, void* user) {
          Call& call = static_cast<Theirs*>(user)->calls_[frame->hd.stream_id];
          const bool is_trailer =
              frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_HEADERS;
          (is_trailer ? call.trailers : call.head)
              .push_back({{reinterpret_cast<const char*>(name), n},
                          {reinterpret_cast<const char*>(value), v}});
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks,
        [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* user) {
          static_cast<Theirs*>(user)->calls_[id].received.append(
              reinterpret_cast<const char*>(data), size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          auto* self = static_cast<Theirs*>(user);
          if (frame->hd.type == NGHTTP2_GOAWAY)
            self->goaway_ = static_cast<int>(frame->goaway.error_code);
          const bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
          if (!may_end || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
          self->calls_[frame->hd.stream_id].ended = true;
          if (self->side_ == Side::kServer) self->Echo(frame->hd.stream_id);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, int32_t id, uint32_t code, void* user) {
          static_cast<Theirs*>(user)->calls_[id].closed = static_cast<int>(code);
          return 0;
        });
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, int error, void* user) {
          ADD_FAILURE() << "frame " << int{frame->hd.type} << ": " << nghttp2_strerror(error);
          static_cast<Theirs*>(user)->broken_ = true;
          return 0;
        });
    if (side == Side::kServer) {
      nghttp2_session_server_new(&session_, callbacks, this);
    } else {
      nghttp2_session_client_new(&session_, callbacks, this);
    }
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 20'000},
                                               {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 7}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  }
  ~Theirs() { nghttp2_session_del(session_); }

  bool Take(std::string_view bytes) {
    return nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()),
                                    bytes.size()) == static_cast<ssize_t>(bytes.size());
  }
  std::string Give() {
    std::string all;
    const uint8_t* bytes = nullptr;
    while (const ssize_t size = nghttp2_session_mem_send(session_, &bytes)) {
      EXPECT_GT(size, 0) << nghttp2_strerror(static_cast<int>(size));
      if (size < 0) break;
      all.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    }
    return all;
  }

  int32_t Start(const std::string& path, std::string body) {
    const nghttp2_nv head[] = {Nv(":method", "POST"), Nv(":scheme", "http"), Nv(":path", path),
                               Nv(":authority", "test"), Nv("te", "trailers")};
    nghttp2_data_provider provider{};
    provider.read_callback = &Read;
    const int32_t id =
        nghttp2_submit_request(session_, nullptr, head, std::size(head), &provider, nullptr);
    bodies_[id] = std::move(body);
    return id;
  }
  void Echo(int32_t id) {
    bodies_[id] = calls_[id].received;
    const nghttp2_nv head[] = {Nv(":status", "200"), Nv("content-type", "test")};
    nghttp2_data_provider provider{};
    provider.read_callback = &Read;
    nghttp2_submit_response(session_, id, head, std::size(head), &provider);
  }

  static ssize_t Read(nghttp2_session* session, int32_t id, uint8_t* buffer, size_t limit,
                      uint32_t* flags, nghttp2_data_source*, void* user) {
    auto* self = static_cast<Theirs*>(user);
    std::string& body = self->bodies_[id];
    const size_t size = std::min(limit, body.size());
    std::copy_n(body.data(), size, buffer);
    body.erase(0, size);
    if (!body.empty()) return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (self->side_ == Side::kServer) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const nghttp2_nv trailers[] = {Nv("grpc-status", "0")};
      nghttp2_submit_trailer(session, id, trailers, 1);
    }
    return static_cast<ssize_t>(size);
  }

  const Side side_;
  nghttp2_session* session_ = nullptr;
  std::map<int, Call> calls_;
  std::map<int32_t, std::string> bodies_;
  int goaway_ = -1;
  bool broken_ = false;
};

// Carries bytes both ways, in pieces of random size, until both are silent.
template <class A, class B>
void Talk(A* a, B* b, std::mt19937* random) {
  std::string to_b, to_a;
  while (true) {
    to_b += a->Give();
    to_a += b->Give();
    if (to_b.empty() && to_a.empty()) return;
    const size_t size_b = std::min<size_t>(to_b.size(), 1 + (*random)() % 40'000);
    const size_t size_a = std::min<size_t>(to_a.size(), 1 + (*random)() % 40'000);
    ASSERT_TRUE(b->Take(std::string_view(to_b).substr(0, size_b)));
    ASSERT_TRUE(a->Take(std::string_view(to_a).substr(0, size_a)));
    to_b.erase(0, size_b);
    to_a.erase(0, size_a);
  }
}

size_t RandomSize(std::mt19937* random) {
  return (*random)() % 4 == 0 ? (*random)() % 300'000 : (*random)() % 3000;
}

TEST(SessionTest, ServesNghttp2) {
  std::mt19937 random(1);
  Ours server(Side::kServer, {.stream_window_bytes = 70'000, .connection_window_bytes = 200'000});
  Theirs client(Side::kClient);
  for (int round = 0; round < 30; ++round) {
    std::map<int32_t, std::string> bodies;
    for (int i = 0; i < 10; ++i) {
      const std::string body = Body(RandomSize(&random), random());
      bodies[client.Start("/call/" + std::to_string(i), body)] = body;
    }
    Talk(&server, &client, &random);
    for (const auto& [id, body] : bodies) {
      EXPECT_TRUE(server.calls_[id].received == body);
      EXPECT_TRUE(server.calls_[id].end_sent);
      EXPECT_EQ(server.calls_[id].closed, 0);
      EXPECT_TRUE(client.calls_[id].received == body);
      EXPECT_EQ(Find(client.calls_[id].head, "content-type"), "test");
      EXPECT_EQ(Find(client.calls_[id].trailers, "grpc-status"), "0");
      EXPECT_EQ(client.calls_[id].closed, 0);
    }
  }
  EXPECT_TRUE(server.streams_.empty());
  EXPECT_EQ(server.refused_, 0);
}

TEST(SessionTest, CallsNghttp2) {
  std::mt19937 random(2);
  Ours client(Side::kClient, {.stream_window_bytes = 70'000, .connection_window_bytes = 200'000});
  Theirs server(Side::kServer);
  Talk(&client, &server, &random);  // the server says how many calls it takes
  int call = 0;
  for (int round = 0; round < 30; ++round) {
    std::map<int, std::string> bodies;
    for (int i = 0; i < 20; ++i, ++call) {  // more than the server allows at a time
      bodies[call] = Body(RandomSize(&random), random());
      client.Start(call,
                   {{":method", "POST"}, {":scheme", "http"}, {":path", "/x"}, {":authority", "x"}},
                   bodies[call]);
    }
    Talk(&client, &server, &random);
    for (const auto& [number, body] : bodies) {
      const Call& done = client.calls_[number];
      EXPECT_TRUE(done.received == body);
      EXPECT_EQ(done.sent, body.size());
      EXPECT_EQ(Find(done.head, ":status"), "200");
      EXPECT_EQ(Find(done.trailers, "grpc-status"), "0");
      EXPECT_EQ(done.closed, 0);
    }
  }
  EXPECT_EQ(client.session_.peer_max_streams(), 7u);
  EXPECT_TRUE(client.streams_.empty());
}

TEST(SessionTest, BothEndsOfOurs) {
  std::mt19937 random(3);
  Ours client(Side::kClient), server(Side::kServer, {.max_streams = 3});
  Talk(&client, &server, &random);
  for (int call = 0; call < 50; ++call) {
    const Headers head = {
        {":method", "POST"}, {":scheme", "http"}, {":path", "/x"}, {"n", std::string(20'000, 'n')}};
    client.Start(call, head, Body(100'000, static_cast<uint32_t>(call)));
  }
  Talk(&client, &server, &random);
  for (int call = 0; call < 50; ++call) {
    EXPECT_TRUE(client.calls_[call].received == Body(100'000, static_cast<uint32_t>(call)));
    EXPECT_EQ(client.calls_[call].closed, 0);
    EXPECT_EQ(Find(server.calls_[1 + 2 * call].head, "n").size(), 20'000u);
  }
}

// Raw frames.

std::string Frame(int type, int flags, int32_t stream, std::string_view payload = "") {
  char head[kFrameHeadBytes];
  WriteFrameHead({static_cast<uint32_t>(payload.size()), static_cast<uint8_t>(type),
                  static_cast<uint8_t>(flags), stream},
                 head);
  return std::string(head, sizeof head) + std::string(payload);
}

std::string Number(uint32_t number, int bytes = 4) {
  std::string text(static_cast<size_t>(bytes), '\0');
  WriteNumber(number, bytes, text.data());
  return text;
}

std::string Greeting() { return std::string(kPreface) + Frame(kSettingsFrame, 0, 0); }
std::string SettingOf(Setting setting, uint32_t value) {
  return Number(setting, 2) + Number(value);
}
const std::string kRequest = "\x83\x86\x84";  // POST, http, "/"
std::string Request(int32_t id, int flags = kEndHeaders | kEndStream,
                    const std::string& more = "") {
  return Frame(kHeadersFrame, flags, id, kRequest + more);
}

struct Sent {
  FrameHead head;
  std::string payload;
};
std::vector<Sent> Frames(std::string_view bytes) {
  std::vector<Sent> frames;
  while (bytes.size() >= kFrameHeadBytes) {
    const FrameHead head = ReadFrameHead(bytes.data());
    frames.push_back({head, std::string(bytes.substr(kFrameHeadBytes, head.size))});
    bytes.remove_prefix(kFrameHeadBytes + head.size);
  }
  return frames;
}
// The code of the RST_STREAM in `bytes`; -1: none.
int ResetCode(std::string_view bytes, int32_t id) {
  for (const Sent& frame : Frames(bytes)) {
    if (frame.head.type == kResetFrame && frame.head.stream == id) {
      return static_cast<int>(ReadNumber(frame.payload.data(), 4));
    }
  }
  return -1;
}

TEST(SessionTest, FaultsEndTheConnection) {
  struct Case {
    const char* what;
    std::string bytes;
    ErrorCode code;
  };
  const Case cases[] = {
      {"no SETTINGS first", std::string(kPreface) + Frame(kPingFrame, 0, 0, "12345678"),
       kProtocolError},
      {"too large", Greeting() + Frame(kPingFrame, 0, 0, std::string(16'385, 'x')),
       kFrameSizeError},
      {"DATA of the connection", Greeting() + Frame(kDataFrame, 0, 0, "x"), kProtocolError},
      {"DATA of an idle stream", Greeting() + Frame(kDataFrame, 0, 1, "x"), kProtocolError},
      {"padding", Greeting() + Request(1, kEndHeaders) + Frame(kDataFrame, kPadded, 1, "\5abc"),
       kProtocolError},
      {"no padding", Greeting() + Request(1, kEndHeaders) + Frame(kDataFrame, kPadded, 1),
       kFrameSizeError},
      {"HEADERS of the connection", Greeting() + Frame(kHeadersFrame, kEndHeaders, 0, kRequest),
       kProtocolError},
      {"HEADERS of an even stream", Greeting() + Frame(kHeadersFrame, kEndHeaders, 2, kRequest),
       kProtocolError},
      {"padding of HEADERS",
       Greeting() + Frame(kHeadersFrame, kEndHeaders | kPadded, 1, "\7" + kRequest),
       kProtocolError},
      {"priority cut short",
       Greeting() + Frame(kHeadersFrame, kEndHeaders | kHasPriority, 1, "abc"), kFrameSizeError},
      {"no header block", Greeting() + Frame(kHeadersFrame, kEndHeaders, 1, "\xff"),
       kCompressionError},
      {"a frame in a block",
       Greeting() + Frame(kHeadersFrame, 0, 1, kRequest) + Frame(kDataFrame, 0, 1), kProtocolError},
      {"CONTINUATION of another",
       Greeting() + Frame(kHeadersFrame, 0, 1, kRequest) + Frame(kContinuationFrame, 4, 3),
       kProtocolError},
      {"CONTINUATION of nothing", Greeting() + Frame(kContinuationFrame, 4, 1), kProtocolError},
      {"RST_STREAM of nothing", Greeting() + Frame(kResetFrame, 0, 1, Number(8)), kProtocolError},
      {"RST_STREAM of a wrong size", Greeting() + Request(1) + Frame(kResetFrame, 0, 1, "x"),
       kFrameSizeError},
      {"SETTINGS of a stream", Greeting() + Frame(kSettingsFrame, 0, 1), kProtocolError},
      {"SETTINGS of a wrong size", Greeting() + Frame(kSettingsFrame, 0, 0, "12345"),
       kFrameSizeError},
      {"an acknowledgement with content", Greeting() + Frame(kSettingsFrame, kAck, 0, "123456"),
       kFrameSizeError},
      {"a window too large",
       Greeting() + Frame(kSettingsFrame, 0, 0, SettingOf(kInitialWindowSize, 0x80000000)),
       kFlowControlError},
      {"frames too small", Greeting() + Frame(kSettingsFrame, 0, 0, SettingOf(kMaxFrameSize, 100)),
       kProtocolError},
      {"a strange push", Greeting() + Frame(kSettingsFrame, 0, 0, SettingOf(kEnablePush, 2)),
       kProtocolError},
      {"PUSH_PROMISE", Greeting() + Frame(kPushPromiseFrame, 4, 1, Number(2)), kProtocolError},
      {"PING of a wrong size", Greeting() + Frame(kPingFrame, 0, 0, "1"), kFrameSizeError},
      {"PING of a stream", Greeting() + Frame(kPingFrame, 0, 1, "12345678"), kProtocolError},
      {"GOAWAY cut short", Greeting() + Frame(kGoAwayFrame, 0, 0, "1"), kFrameSizeError},
      {"WINDOW_UPDATE of nothing", Greeting() + Frame(kWindowUpdateFrame, 0, 0, Number(0)),
       kProtocolError},
      {"WINDOW_UPDATE too large", Greeting() + Frame(kWindowUpdateFrame, 0, 0, Number(0x7fffffff)),
       kFlowControlError},
      {"WINDOW_UPDATE of an idle stream", Greeting() + Frame(kWindowUpdateFrame, 0, 1, Number(1)),
       kProtocolError},
      {"WINDOW_UPDATE of a wrong size", Greeting() + Frame(kWindowUpdateFrame, 0, 0, "1"),
       kFrameSizeError},
      {"PRIORITY of the connection", Greeting() + Frame(kPriorityFrame, 0, 0, "12345"),
       kProtocolError},
  };
  for (const Case& c : cases) {
    for (const size_t step : {size_t{1}, c.bytes.size()}) {  // as it comes, and byte by byte
      Ours server(Side::kServer);
      bool good = true;
      for (size_t at = 0; good && at < c.bytes.size(); at += step) {
        good = server.Take(std::string_view(c.bytes).substr(at, step));
      }
      EXPECT_FALSE(good) << c.what;
      EXPECT_EQ(server.session_.fault(), Fault::kProtocol) << c.what;
      EXPECT_EQ(server.session_.fault_code(), c.code) << c.what;
      EXPECT_NE(server.session_.fault_text(), "") << c.what;
    }
  }
}

TEST(SessionTest, FaultsOfAStreamEndTheStream) {
  const std::string bad_length = std::string("\x0f\x0d\x01") + "5";  // content-length: 5
  struct Case {
    const char* what;
    std::string bytes;
    ErrorCode code;
  };
  const Case cases[] = {
      {"no :path", Frame(kHeadersFrame, kEndHeaders, 1, "\x83\x86"), kProtocolError},
      {"twice :path", Request(1, kEndHeaders, "\x84"), kProtocolError},
      {"less than content-length",
       Request(1, kEndHeaders, bad_length) + Frame(kDataFrame, kEndStream, 1, "abc"),
       kProtocolError},
      {"more than content-length",
       Request(1, kEndHeaders, bad_length) + Frame(kDataFrame, 0, 1, "abcdef"), kProtocolError},
      {"none of content-length", Request(1, kEndHeaders | kEndStream, bad_length), kProtocolError},
      {"trailers without an end",
       Request(1, kEndHeaders) + Frame(kHeadersFrame, kEndHeaders, 1, ""), kProtocolError},
      {"pseudo trailers", Request(1, kEndHeaders) + Frame(kHeadersFrame, 5, 1, "\x84"),
       kProtocolError},
      {"WINDOW_UPDATE of nothing",
       Request(1, kEndHeaders) + Frame(kWindowUpdateFrame, 0, 1, Number(0)), kProtocolError},
      {"WINDOW_UPDATE too large",
       Request(1, kEndHeaders) + Frame(kWindowUpdateFrame, 0, 1, Number(0x7fffffff)),
       kFlowControlError},
      {"PRIORITY of a wrong size", Request(1, kEndHeaders) + Frame(kPriorityFrame, 0, 1, "1"),
       kFrameSizeError},
  };
  for (const Case& c : cases) {
    Ours server(Side::kServer);
    ASSERT_TRUE(server.Take(Greeting() + c.bytes)) << c.what;
    const std::string sent = server.Give();
    EXPECT_EQ(ResetCode(sent, 1), c.code) << c.what;
    EXPECT_TRUE(server.streams_.empty()) << c.what;
    EXPECT_GT(server.refused_, 0) << c.what;
    ASSERT_TRUE(server.Take(Request(3))) << "the next call is served";
    EXPECT_TRUE(server.calls_[3].ended);
  }
}

TEST(SessionTest, DataBehindTheEndAndBeyondTheWindow) {
  Ours server(Side::kServer, {.stream_window_bytes = 100, .connection_window_bytes = 65'535});
  server.echoes_ = false;
  server.holds_ = true;
  ASSERT_TRUE(server.Take(Greeting() + Request(1) + Frame(kDataFrame, 0, 1, "x")));
  EXPECT_EQ(ResetCode(server.Give(), 1), kStreamClosed);
  ASSERT_TRUE(
      server.Take(Request(3, kEndHeaders) + Frame(kDataFrame, 0, 3, std::string(101, 'x'))));
  EXPECT_EQ(ResetCode(server.Give(), 3), kFlowControlError);
  EXPECT_EQ(server.calls_[3].received, "");
  ASSERT_TRUE(server.Take(Frame(kDataFrame, 0, 3, "late"))) << "it may have been under way";
  ASSERT_TRUE(server.Take(Frame(kHeadersFrame, kEndHeaders | kEndStream, 3, "")));
}

TEST(SessionTest, AStreamThatEndsWithinAFrameOfItsData) {
  for (const bool sent : {false, true}) {
    Ours server(Side::kServer);
    server.echoes_ = false;
    const std::string frame = Frame(kDataFrame, kEndStream, 1, "0123456789");
    ASSERT_TRUE(server.Take(Greeting() + Request(1, kEndHeaders) + frame.substr(0, 12)));
    EXPECT_EQ(server.calls_[1].received, "012");
    ASSERT_EQ(server.streams_.size(), 1u);
    server.session_.Reset(server.streams_.begin()->first, kCancel);
    if (sent) server.Give();  // the stream is gone
    ASSERT_TRUE(server.Take(frame.substr(12) + Request(3)));
    EXPECT_EQ(server.calls_[1].received, "012");
    EXPECT_FALSE(server.calls_[1].ended);
    EXPECT_TRUE(server.calls_[3].ended);
  }
}

TEST(SessionTest, PaddingIsGivenBack) {
  Ours server(Side::kServer, {.stream_window_bytes = 1000});
  server.echoes_ = false;
  std::string padded = std::string(1, '\xc8') + "data" + std::string(200, '\0');
  ASSERT_TRUE(server.Take(Greeting() + Request(1, kEndHeaders)));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(server.Take(Frame(kDataFrame, kPadded, 1, padded)));
  EXPECT_EQ(server.calls_[1].received.size(), 200u);
  EXPECT_THAT(server.calls_[1].received, HasSubstr("datadata"));
}

TEST(SessionTest, AcknowledgementsDoNotPileUp) {
  Ours server(Side::kServer);
  ASSERT_TRUE(server.Take(Greeting()));
  server.Give();
  const std::string ping = Frame(kPingFrame, 0, 0, "12345678");
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(server.Take(ping));
  EXPECT_EQ(Frames(server.Give()).size(), 1000u);
  int count = 0;
  while (server.Take(ping)) ASSERT_LT(++count, 1001);
  EXPECT_EQ(server.session_.fault(), Fault::kAcknowledgements);
}

TEST(SessionTest, HeaderBlocksWithoutEnd) {
  Ours server(Side::kServer);
  ASSERT_TRUE(server.Take(Greeting() + Frame(kHeadersFrame, 0, 1, kRequest)));
  EXPECT_TRUE(server.session_.in_header_block());
  int count = 0;
  while (server.Take(Frame(kContinuationFrame, 0, 1))) ASSERT_LT(++count, 100);
  EXPECT_EQ(server.session_.fault(), Fault::kContinuations);
}

TEST(SessionTest, NotHttp2) {
  Ours server(Side::kServer);
  EXPECT_TRUE(server.Take("PRI * HTTP"));
  EXPECT_FALSE(server.Take("/1.1"));
  EXPECT_EQ(server.session_.fault(), Fault::kNotHttp2);
}

TEST(SessionTest, WindowsRuleWhatIsSent) {
  Ours client(Side::kClient);
  client.Start(1, {{":method", "POST"}, {":scheme", "http"}, {":path", "/"}},
               std::string(100, 'a'));
  client.Start(2, {{":method", "POST"}, {":scheme", "http"}, {":path", "/"}},
               std::string(100, 'b'));
  ASSERT_TRUE(client.Take(Frame(kSettingsFrame, 0, 0, SettingOf(kInitialWindowSize, 10))));
  client.Give();
  EXPECT_EQ(client.calls_[1].sent, 10u);
  ASSERT_TRUE(client.Take(Frame(kSettingsFrame, 0, 0, SettingOf(kInitialWindowSize, 0)) +
                          Frame(kWindowUpdateFrame, 0, 1, Number(10)) +
                          Frame(kWindowUpdateFrame, 0, 3, Number(30))));
  client.Give();
  EXPECT_EQ(client.calls_[1].sent, 10u) << "the window was below zero";
  EXPECT_EQ(client.calls_[2].sent, 30u);
  ASSERT_TRUE(client.Take(Frame(kSettingsFrame, 0, 0, SettingOf(kInitialWindowSize, 1000))));
  client.Give();
  EXPECT_TRUE(client.calls_[1].end_sent && client.calls_[2].end_sent);
}

TEST(SessionTest, StreamsTakeTurns) {
  Ours client(Side::kClient);
  const Headers head = {{":method", "POST"}, {":scheme", "http"}, {":path", "/"}};
  client.Start(1, head, std::string(30'000, 'a'));
  client.Start(2, head, std::string(30'000, 'b'));
  std::vector<int32_t> order;
  for (const Sent& frame : Frames(std::string_view(client.Give()).substr(kPreface.size()))) {
    if (frame.head.type == kDataFrame) order.push_back(frame.head.stream);
  }
  EXPECT_THAT(order, ElementsAre(1, 3, 1, 3));
}

TEST(SessionTest, CallsWaitForTheirTurnAndAreRefusedAtTheEnd) {
  Ours client(Side::kClient);
  const Headers head = {{":method", "POST"}, {":scheme", "http"}, {":path", "/"}};
  ASSERT_TRUE(client.Take(Frame(kSettingsFrame, 0, 0, SettingOf(kMaxConcurrentStreams, 1))));
  for (int call = 1; call <= 4; ++call) client.Start(call, head, "x");
  client.Give();
  EXPECT_EQ(client.calls_[1].sent, 1u);
  EXPECT_EQ(client.calls_[2].sent, 0u);
  ASSERT_TRUE(client.Take(Frame(kHeadersFrame, kEndHeaders | kEndStream, 1, "\x88")));
  client.Give();
  EXPECT_EQ(client.calls_[1].closed, kNoError);
  EXPECT_EQ(client.calls_[2].sent, 1u);
  ASSERT_TRUE(client.Take(Frame(kGoAwayFrame, 0, 0, Number(1) + Number(0))));
  const std::string sent = client.Give();
  EXPECT_EQ(client.calls_[2].closed, kRefusedStream) << "beyond the last that is served";
  EXPECT_EQ(client.calls_[3].closed, kRefusedStream) << "never sent";
  EXPECT_EQ(sent, "") << "nobody hears of calls that were not sent";
  EXPECT_TRUE(client.session_.peer_goes_away());
}

TEST(SessionTest, AResetCallSendsNothingMore) {
  Ours client(Side::kClient);
  const Headers head = {{":method", "POST"}, {":scheme", "http"}, {":path", "/"}};
  client.Give();
  TestStream* stream = client.Start(1, head, std::string(100'000, 'x'));
  client.session_.Reset(stream, kCancel);
  const auto frames = Frames(client.Give());
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].head.type, kHeadersFrame);
  EXPECT_EQ(frames[1].head.type, kResetFrame);
  EXPECT_EQ(client.calls_[1].closed, kCancel);
  ASSERT_TRUE(client.Take(Frame(kSettingsFrame, 0, 0) + Frame(kHeadersFrame, 4, 1, "\x88") +
                          Frame(kDataFrame, kEndStream, 1, "late")));
  EXPECT_EQ(client.calls_[1].received, "");
}

TEST(SessionTest, AfterGoAwayNewCallsAreLeftToOthers) {
  Ours server(Side::kServer);
  ASSERT_TRUE(server.Take(Greeting() + Request(1, kEndHeaders)));
  server.session_.GoAway(kNoError, "");
  ASSERT_TRUE(server.Take(Request(3) + Frame(kDataFrame, kEndStream, 1, "x")));
  server.Give();
  EXPECT_EQ(server.calls_[1].closed, kNoError);
  EXPECT_EQ(server.calls_.count(3), 0u);
}

TEST(SessionTest, TooManyCallsAreRefused) {
  Ours server(Side::kServer, {.max_streams = 1});
  ASSERT_TRUE(server.Take(Greeting() + Request(1, kEndHeaders) + Request(3)));
  EXPECT_EQ(ResetCode(server.Give(), 3), kRefusedStream);
  EXPECT_EQ(server.calls_[1].closed, -1);
}

TEST(SessionTest, InterimAnswersArePassedOver) {
  Ours client(Side::kClient);
  client.Start(1, {{":method", "POST"}, {":scheme", "http"}, {":path", "/"}}, "");
  client.Give();
  const std::string early_hints = std::string("\x08\x03") + "103";
  ASSERT_TRUE(client.Take(Frame(kSettingsFrame, 0, 0) + Frame(kHeadersFrame, 4, 1, early_hints) +
                          Frame(kHeadersFrame, kEndHeaders | kEndStream, 1, "\x88")));
  EXPECT_EQ(Find(client.calls_[1].head, ":status"), "200");
  EXPECT_TRUE(client.calls_[1].ended);
}

}  // namespace
}  // namespace fate::http2
