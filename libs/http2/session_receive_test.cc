// What a session makes of frames as well-behaved libraries never send them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http2/session_support.h"

namespace fate::http2 {
namespace {

using ::testing::HasSubstr;

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

TEST(SessionTest, AWindowThatIsSharedShrinksAndGrows) {
  constexpr uint32_t kWindow = 1000;
  Ours server(Side::kServer, {.stream_window_bytes = kWindow});
  server.echoes_ = false;
  ASSERT_TRUE(server.Take(Greeting() + Request(1, kEndHeaders)));
  server.Give();
  uint32_t left = kWindow;  // of the peer's window
  const auto send = [&](uint32_t bytes) {
    ASSERT_LE(bytes, left);
    ASSERT_TRUE(server.Take(Frame(kDataFrame, 0, 1, std::string(bytes, 'x'))));
    left -= bytes;
    for (const Sent& sent : Frames(server.Give())) {
      if (sent.head.type == kWindowUpdateFrame && sent.head.stream == 1) {
        left += ReadNumber(sent.payload.data(), 4);
      }
    }
  };
  send(499);
  EXPECT_EQ(left, kWindow - 499) << "given back by halves";
  send(1);
  EXPECT_EQ(left, kWindow);

  server.window_ = 100;
  while (left > 100) send(1);
  for (int i = 0; i < 500; ++i) {
    send(left < 60 ? left : 60);
    ASSERT_GT(left, 50u) << "a peer that waits for a window would wait for ever";
    ASSERT_LE(left, 100u);
  }
  server.window_ = kWindow;
  send(1);
  EXPECT_EQ(left, kWindow);
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
