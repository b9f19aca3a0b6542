#include "http2/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <map>
#include <memory>
#include <random>

#include "http2/session_support.h"

namespace fate::http2 {
namespace {

using ::testing::ElementsAre;

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

}  // namespace
}  // namespace fate::http2
