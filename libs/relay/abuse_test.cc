// Attacks on HTTP/2 by raw bytes: each ends the connection with the right code, a metric and a
// line of the log, at a bounded cost, and clients on other connections do not notice.
#include "relay/abuse.h"

#include <algorithm>
#include <cmath>

#include "base/metrics.h"
#include "relay/raw_client.h"
#include "relay/test_support.h"

namespace fate::relay {
namespace {

using raw::Frame;

constexpr int kProtocolError = 1, kFlowControlError = 3, kEnhanceYourCalm = 11;

// relay_cut_connections_total of a reason, of all reasons for "".
double Cuts(const std::string& reason = "") {
  double sum = 0;
  std::string text = MetricsText();
  std::string wanted = "relay_cut_connections_total{reason=\"" + reason;
  for (size_t at = 0; (at = text.find(wanted, at)) != std::string::npos; ++at) {
    sum += std::stod(text.substr(text.find("} ", at) + 2));
  }
  return sum;
}

absl::Time At(double seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

TEST(AbuseMeter, FramesOfHonestTrafficAreFree) {
  AbuseMeter meter;
  for (int second = 0; second < 100; ++second) {
    meter.Tick(At(second));
    for (int i = 0; i < 50'000; ++i) {  // a frame of data, two WINDOW_UPDATEs, a PING
      meter.Data();
      for (int control = 0; control < 3; ++control) meter.Frame(1);
    }
    for (int call = 0; call < 10'000; ++call) {  // half of them cancelled
      meter.CallBegun();
      call % 2 ? meter.CallReset() : meter.CallCompleted();
    }
    meter.Received(1 << 20);
    ASSERT_EQ(meter.Verdict(), "") << second;
  }
}

TEST(AbuseMeter, ForgivesWithTime) {
  AbuseMeter meter;
  meter.Tick(At(0));
  for (int i = 0; i < AbuseMeter::kResets; ++i) meter.CallReset();
  EXPECT_EQ(meter.Verdict(), "");
  meter.Tick(At(1));
  for (int i = 0; i < AbuseMeter::kResetsPerSecond; ++i) meter.CallReset();
  EXPECT_EQ(meter.Verdict(), "");
  meter.CallReset();
  EXPECT_EQ(meter.Verdict(), "resets");
}

TEST(AbuseMeter, ManyBytesWithoutACallEnd) {
  AbuseMeter meter;
  meter.Received(AbuseMeter::kBarrenBytes);
  EXPECT_EQ(meter.Verdict(), "");
  meter.Received(1);
  EXPECT_EQ(meter.Verdict(), "barren");
  meter.CallBegun();
  EXPECT_EQ(meter.Verdict(), "");
}

TEST(ReadPace, ReadsOfMuchWorkShrinkAndBulkGrows) {
  ReadPace pace;
  for (int i = 0; i < 10; ++i) pace.Done(pace.bytes());
  EXPECT_EQ(pace.bytes(), ReadPace::kMostBytes);
  pace.Work(ReadPace::kWorkPerRead * 16);
  pace.Done(1 << 20);
  EXPECT_EQ(pace.bytes(), size_t{1 << 16});
  pace.Work(ReadPace::kWorkPerRead * 1000);
  pace.Done(1 << 16);
  EXPECT_EQ(pace.bytes(), ReadPace::kLeastBytes);
  pace.Done(100);  // nothing more was there
  EXPECT_EQ(pace.bytes(), ReadPace::kLeastBytes);
}

class AbuseTest : public ::testing::Test {
 protected:
  AbuseTest() : relay_({"127.0.0.3", backend_.port_}), client_(relay_.port_) {
    EXPECT_TRUE(client_.Send(raw::Preface()));
  }

  // Sends `bytes` again and again, reading what comes, until the relay closes.
  // `wait`: for an answer each time.
  void Flood(const std::string& bytes, size_t most_bytes = 64 << 20,
             std::chrono::milliseconds wait = 0ms) {
    size_t sent = 0;
    while (client_.Send(bytes) && client_.Receive(wait)) {
      sent += bytes.size();
      ASSERT_LT(sent, most_bytes) << "the relay does not mind";
    }
    EXPECT_TRUE(client_.ReceiveAll(5s));
  }
  static std::string Repeat(const std::string& text, int times) {
    std::string result;
    while (times-- > 0) result += text;
    return result;
  }
  std::string Open(uint32_t stream, const std::string& path = "/local/park") {
    return Frame(raw::kHeaders, raw::kEndHeaders, stream, raw::RequestBlock(path));
  }

  Backend backend_;
  Relay relay_;
  raw::Client client_;
};

// CVE-2023-44487
TEST_F(AbuseTest, RapidResetIsCutOff) {
  const double before = Cuts("resets");
  uint32_t stream = 1;
  for (bool open = true; open && stream < 200'000;) {
    std::string calls;
    for (int i = 0; i < 100; ++i, stream += 2) {
      calls += Open(stream) + Frame(raw::kData, raw::kEndStream, stream, std::string(5, '\0')) +
               Frame(raw::kResetStream, 0, stream, raw::Number(8, 4));
    }
    open = client_.Send(calls) && client_.Receive(0ms);
  }
  EXPECT_TRUE(client_.ReceiveAll(5s));
  EXPECT_EQ(client_.GoAwayCode(), kEnhanceYourCalm);
  EXPECT_THAT(client_.received(), HasSubstr("resets calls"));
  EXPECT_EQ(Cuts("resets"), before + 1);
  EXPECT_LT(relay_.parked_count_, AbuseMeter::kResets * 2);
}

TEST_F(AbuseTest, CancellingWhatHasWaitedIsNoAbuse) {
  std::string opened, cancelled;
  for (uint32_t stream = 1; stream < 6'000; stream += 2) {
    opened += Open(stream) + Frame(raw::kData, raw::kEndStream, stream, std::string(5, '\0'));
    cancelled += Frame(raw::kResetStream, 0, stream, raw::Number(8, 4));
  }
  ASSERT_TRUE(client_.Send(opened));
  ASSERT_TRUE(Within(10s, [&] { return relay_.parked_count_ == 3'000; }));
  auto waited = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(kRapidReset);
  ASSERT_TRUE(Within(5s, [&] { return std::chrono::steady_clock::now() > waited; }));
  ASSERT_TRUE(client_.Send(cancelled));
  EXPECT_TRUE(Within(10s, [&] { return relay_.cancelled_ == 3'000; }));
  EXPECT_EQ(client_.GoAwayCode(), -1);
}

// CVE-2024-27316, CVE-2024-28182
TEST_F(AbuseTest, HeaderBlocksWithoutEndAreCutOff) {
  const double before = Cuts("continuations");
  ASSERT_TRUE(client_.Send(Frame(raw::kHeaders, 0, 1, raw::RequestBlock("/local/park"))));
  Flood(Frame(raw::kContinuation, 0, 1, raw::Literal("a", "b")), 1 << 20);
  EXPECT_EQ(client_.GoAwayCode(), kEnhanceYourCalm);
  EXPECT_EQ(Cuts("continuations"), before + 1);
  EXPECT_EQ(relay_.parked_count_, 0);
}

TEST_F(AbuseTest, PingsThatAreReadAreCutOffAtARate) {
  const double before = Cuts("frames");
  Flood(Repeat(Frame(raw::kPing, 0, 0, "12345678"), 100), 1 << 20, 1s);
  EXPECT_EQ(client_.GoAwayCode(), kEnhanceYourCalm);
  EXPECT_EQ(Cuts("frames"), before + 1);
}

TEST_F(AbuseTest, AcknowledgementsThatAreNotReadDoNotPileUp) {
  const double before = Cuts();
  size_t sent = 0;
  std::string pings = Repeat(Frame(raw::kPing, 0, 0, "12345678"), 5'000);
  while (client_.Send(pings)) ASSERT_LT(sent += pings.size(), size_t{64} << 20);
  EXPECT_EQ(Cuts(), before + 1);
  EXPECT_TRUE(client_.ReceiveAll(5s));
  EXPECT_EQ(client_.GoAwayCode(), kEnhanceYourCalm);
}

TEST_F(AbuseTest, SettingsFloodsAreCutOffEarly) {
  const double before = Cuts("frames");
  std::string window = raw::Number(4, 2) + raw::Number(100'000, 4);
  Flood(Repeat(Frame(raw::kSettings, 0, 0, window), 10), 10'000, 1s);
  EXPECT_EQ(client_.GoAwayCode(), kEnhanceYourCalm);
  EXPECT_EQ(Cuts("frames"), before + 1);
}

TEST_F(AbuseTest, EmptyDataIsCutOff) {
  ASSERT_TRUE(client_.Send(Open(1)));
  Flood(Repeat(Frame(raw::kData, 0, 1), 100));
  EXPECT_EQ(client_.GoAwayCode(), kEnhanceYourCalm);
}

TEST_F(AbuseTest, FramesThatOnlyMakeWorkAreCutOff) {
  for (const std::string& frame : {Frame(raw::kWindowUpdate, 0, 0, raw::Number(1, 4)),
                                   Frame(raw::kPriority, 0, 77, raw::Number(0, 4) + "x"),
                                   Frame(raw::kUnknown, 0, 0, std::string(1000, 'u'))}) {
    raw::Client client(relay_.port_);
    ASSERT_TRUE(client.Send(raw::Preface()));
    const double before = Cuts();
    std::string many = Repeat(frame, 200);
    size_t sent = 0;
    while (client.Send(many) && client.Receive(0ms)) ASSERT_LT(sent += many.size(), 64u << 20);
    EXPECT_TRUE(client.ReceiveAll(5s));
    EXPECT_EQ(client.GoAwayCode(), kEnhanceYourCalm) << int{frame[3]};
    EXPECT_EQ(Cuts(), before + 1);
  }
}

TEST_F(AbuseTest, WindowUpdatesOfNothingOrTooMuchBreakTheRules) {
  struct Case {
    uint32_t increment;
    int code;
  };
  for (Case c : {Case{0, kProtocolError}, Case{0x7fffffff, kFlowControlError}}) {
    raw::Client client(relay_.port_);
    const double before = Cuts("protocol");
    ASSERT_TRUE(
        client.Send(raw::Preface() + Frame(raw::kWindowUpdate, 0, 0, raw::Number(c.increment, 4))));
    EXPECT_TRUE(client.ReceiveAll(5s));
    EXPECT_EQ(client.GoAwayCode(), c.code);
    EXPECT_EQ(Cuts("protocol"), before + 1);
  }
  ASSERT_TRUE(client_.Send(Open(1) + Frame(raw::kWindowUpdate, 0, 1, raw::Number(0x7fffffff, 4))));
  EXPECT_TRUE(Within(5s, [&] {
    client_.Receive(10ms);
    return client_.ResetCode(1) == kFlowControlError;
  })) << "one stream's fault is not the connection's";
  EXPECT_EQ(client_.GoAwayCode(), -1);
}

// Resets that the peer provokes from this side (CVE-2025-8671).
TEST_F(AbuseTest, ProvokedResetsAreCutOff) {
  uint32_t stream = 1;
  for (bool open = true; open && stream < 400'000;) {
    std::string calls;
    for (int i = 0; i < 100; ++i, stream += 2) {
      calls += Open(stream) + Frame(raw::kWindowUpdate, 0, stream, raw::Number(0x7fffffff, 4));
    }
    open = client_.Send(calls) && client_.Receive(0ms);
  }
  EXPECT_TRUE(client_.ReceiveAll(5s));
  EXPECT_EQ(client_.GoAwayCode(), kEnhanceYourCalm);
}

TEST_F(AbuseTest, TooMuchMetadataEndsTheCallOnly) {
  std::string many = raw::RequestBlock("/local/park");
  for (size_t i = 0; i < kMaxHeaders; ++i) many += raw::Literal("h", "v");
  std::string large = raw::RequestBlock("/local/park");
  while (large.size() < 70'000) large += raw::Literal("h", std::string(120, 'v'));
  std::string frames = Frame(raw::kHeaders, raw::kEndHeaders | raw::kEndStream, 1, many);
  frames += Frame(raw::kHeaders, raw::kEndStream, 3, large.substr(0, 16'000));
  for (size_t at = 16'000; at < large.size(); at += 16'000) {
    frames += Frame(raw::kContinuation, at + 16'000 >= large.size() ? raw::kEndHeaders : 0, 3,
                    large.substr(at, 16'000));
  }
  frames += Open(5, "/local/answer") + Frame(raw::kData, raw::kEndStream, 5, std::string(5, '\0'));
  ASSERT_TRUE(client_.Send(frames));
  EXPECT_TRUE(Within(5s, [&] {
    client_.Receive(10ms);
    return client_.Has(raw::kData, 5);
  })) << "the connection goes on";
  EXPECT_TRUE(client_.Has(raw::kHeaders, 1));
  EXPECT_TRUE(client_.Has(raw::kHeaders, 3));
  EXPECT_EQ(relay_.parked_count_, 0);

  grpc::ClientContext context;
  for (int i = 0; i < 300; ++i) context.AddMetadata("h", "v");
  context.set_deadline(std::chrono::system_clock::now() + 10s);
  Packet response;
  grpc::Status status = CallPath(relay_.NewChannel(), "/local/park", &context, Packet(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("256 entries"));
}

TEST_F(AbuseTest, AHalfSentPrefaceIsGivenUp) {
  const double before = Cuts("handshake");
  raw::Client half(relay_.port_), silent(relay_.port_);
  ASSERT_TRUE(half.Send(raw::Preface().substr(0, 10)));
  EXPECT_TRUE(half.ReceiveAll(8s));
  EXPECT_TRUE(silent.ReceiveAll(2s));
  EXPECT_EQ(Cuts("handshake"), before + 2);
}

TEST(ServerLimits, SlowHeadersAndIdleConnectionsEnd) {
  Backend backend;
  Relay relay({"127.0.0.3", backend.port_}, {},
              {.idle = absl::Milliseconds(300),
               .headers = absl::Milliseconds(300),
               .look = absl::Milliseconds(50)});
  const double slow_before = Cuts("headers"), idle_before = Cuts("idle");
  raw::Client slow(relay.port_), idle(relay.port_), parked(relay.port_);
  ASSERT_TRUE(slow.Send(raw::Preface() + Frame(raw::kHeaders, 0, 1, raw::RequestBlock("/x"))));
  ASSERT_TRUE(idle.Send(raw::Preface()));
  ASSERT_TRUE(parked.Send(
      raw::Preface() + Frame(raw::kHeaders, raw::kEndHeaders, 1, raw::RequestBlock("/local/park")) +
      Frame(raw::kData, raw::kEndStream, 1, std::string(5, '\0'))));
  EXPECT_TRUE(slow.ReceiveAll(5s));
  EXPECT_EQ(slow.GoAwayCode(), kEnhanceYourCalm);
  EXPECT_TRUE(idle.ReceiveAll(5s));
  EXPECT_EQ(idle.GoAwayCode(), 0) << "it did nothing wrong";
  EXPECT_EQ(Cuts("headers"), slow_before + 1);
  EXPECT_EQ(Cuts("idle"), idle_before + 1);
  EXPECT_TRUE(Within(500ms, [&] { return parked.Receive(50ms) && relay.parked_count_ == 1; }));
  EXPECT_EQ(parked.GoAwayCode(), -1) << "a call that waits keeps its connection";

  auto channel = relay.NewChannel();  // a client whose connection was closed makes a new one
  for (int i = 0; i < 3; ++i) {
    grpc::ClientContext context;
    Packet response;
    ASSERT_TRUE(CallPath(channel, "/local/answer", &context, Packet(), &response).ok());
    EXPECT_TRUE(Within(5s, [&] { return Cuts("idle") == idle_before + 2 + i; }));
  }
}

TEST(ServerLimits, OneHostCannotTakeAllConnections) {
  Backend backend;
  Relay relay({"127.0.0.3", backend.port_}, {}, {.connections_of_host = 3});
  const double before = Cuts("connections");
  auto first = std::make_unique<raw::Client>(relay.port_);
  raw::Client second(relay.port_), third(relay.port_), fourth(relay.port_);
  for (raw::Client* client : {first.get(), &second, &third, &fourth}) client->Send(raw::Preface());
  EXPECT_TRUE(fourth.ReceiveAll(5s));
  EXPECT_EQ(Cuts("connections"), before + 1);
  first.reset();
  EXPECT_TRUE(Within(5s, [&] {  // its place is free again
    raw::Client next(relay.port_);
    next.Send(raw::Preface());
    return next.Receive(1s) && !next.received().empty();
  }));
}

// Calls of an honest client while `attack` runs: milliseconds at the 99th percentile.
TEST_F(AbuseTest, NeighboursOfAttackersAreServedAsEver) {
  std::atomic<bool> stop = false;
  std::atomic<int> attacks = 0;
  std::thread attacker([&] {
    for (int kind = 0; !stop; ++kind) {
      raw::Client client(relay_.port_);
      client.Send(raw::Preface());
      for (uint32_t stream = 1; !stop && stream < 100'000;) {
        std::string calls = Repeat(Frame(raw::kPing, 0, 0, "12345678"), kind % 2 ? 200 : 0);
        for (int i = 0; kind % 2 == 0 && i < 500; ++i, stream += 2) {
          calls += Open(stream) + Frame(raw::kResetStream, 0, stream, raw::Number(8, 4));
        }
        if (!client.Send(calls) || !client.Receive(0ms)) break;
      }
      ++attacks;
    }
  });
  auto channel = relay_.NewChannel();
  DataTransferService::Stub stub(channel);
  std::vector<double> milliseconds;
  while (milliseconds.size() < 300 || attacks < 6) {
    auto start = std::chrono::steady_clock::now();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 10s);
    Packet response;
    ASSERT_TRUE(stub.unaryCall(&context, PacketOf("echo", 1000), &response).ok());
    milliseconds.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  }
  stop = true;
  attacker.join();
  std::sort(milliseconds.begin(), milliseconds.end());
  EXPECT_LT(milliseconds[milliseconds.size() * 99 / 100], 100) << "attacks: " << attacks;
  std::printf("p50 %.2f ms, p99 %.2f ms during %d attacks\n", milliseconds[milliseconds.size() / 2],
              milliseconds[milliseconds.size() * 99 / 100], attacks.load());
}

}  // namespace
}  // namespace fate::relay
