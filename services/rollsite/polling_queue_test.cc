// Queues of parties without an inbound port: the exchange takes pushes to them over their polling
// streams (polling_frames.h), and answers are the party's own.
#include <future>

#include "proxy/proxy.grpc.pb.h"
#include "rollsite/carried_calls.h"
#include "rollsite/free_port.h"
#include "rollsite/polling_frames.h"
#include "rollsite/queue_stub.h"
#include "rollsite/test_support.h"

namespace fate::rollsite {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr char kStored[] = "E0000000000|success|";

// Parties 10001 and 10002 poll the exchange; 9999 has a port.
class PollingQueues : public ::testing::Test {
 protected:
  PollingQueues()
      : reachable_("127.0.0.31", "9999", TableOf("9999")),
        exchange_("127.0.0.33", "",
                  fmt::format(R"({{"route_table": {{
                      "10001": {{"default": [{{"is_polling": true}}]}},
                      "10002": {{"default": [{{"is_polling": true}}]}},
                      "9999": {{"default": {}}}}}, "self_party": ["exchange"]}})",
                              EndpointJson("127.0.0.31", reachable_.port())),
                  {"127.0.0.1", 1},
                  [this](Config* config) {
                    config->listen.port = exchange_port_;
                    config->polling_server = true;
                  }),
        at_9999_(reachable_.channel()),
        at_exchange_(exchange_.channel()) {}

  std::string TableOf(const std::string& party) {
    return fmt::format(R"({{"route_table": {{"default": {{"default": {}}}}},
                            "self_party": ["{}"]}})",
                       EndpointJson("127.0.0.33", exchange_port_), party);
  }
  std::unique_ptr<Site> StartParty(const std::string& host, const std::string& party,
                                   int streams = 4) {
    const size_t before = Parked();
    auto site = std::make_unique<Site>(host, party, TableOf(party), relay::Address{"127.0.0.1", 1},
                                       [streams](Config* config) {
                                         config->polling_client = true;
                                         config->polling_streams = streams;
                                       });
    EXPECT_TRUE(Within(10s, [&] { return Parked() == before + static_cast<size_t>(streams); }));
    return site;
  }
  size_t Parked() { return exchange_.rollsite()->parked_polling_streams(); }

  const int exchange_port_ = FreePort("127.0.0.33");
  Site reachable_, exchange_;
  QueueStub at_9999_, at_exchange_;
};

TEST_F(PollingQueues, MessagesPassInBothDirectionsInOrder) {
  auto party = StartParty("127.0.0.34", "10001");
  QueueStub at_party(party->channel());
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(at_9999_.Push({.target = "10001"}, "t", std::to_string(i)), kStored);
    ASSERT_EQ(at_party.Push({.target = "9999"}, "back", std::to_string(i)), kStored);
  }
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(at_party.Pop("t", 5000), fmt::format("E0000000000||{}", i));
    EXPECT_EQ(at_9999_.Pop("back", 5000), fmt::format("E0000000000||{}", i));
  }
  EXPECT_TRUE(Within(10s, [&] { return Parked() == 4; })) << "streams are used up and replaced";
}

TEST_F(PollingQueues, AParkedPopOfThePartyWakes) {
  auto party = StartParty("127.0.0.34", "10001");
  QueueStub at_party(party->channel());
  auto popped = std::async(std::launch::async, [&] { return at_party.Pop("t", 10'000); });
  ASSERT_TRUE(Within(5s, [&] { return party->rollsite()->queue_stats().waiting_pops == 1; }));
  EXPECT_EQ(at_9999_.Push({.target = "10001"}, "t", "a"), kStored);
  EXPECT_EQ(popped.get(), "E0000000000|success|a");
}

TEST_F(PollingQueues, TwoPartiesThatPollReachEachOther) {
  auto one = StartParty("127.0.0.34", "10001"), two = StartParty("127.0.0.35", "10002");
  QueueStub at_one(one->channel()), at_two(two->channel());
  EXPECT_EQ(at_one.Push({.target = "10002"}, "t", "to two"), kStored);
  EXPECT_EQ(at_two.Push({.target = "10001"}, "t", "to one"), kStored);
  EXPECT_EQ(at_two.Pop("t", 5000), "E0000000000||to two");
  EXPECT_EQ(at_one.Pop("t", 5000), "E0000000000||to one");
}

TEST_F(PollingQueues, TheExchangesOwnComponentsPushToo) {
  auto party = StartParty("127.0.0.34", "10001");
  EXPECT_EQ(at_exchange_.Push({.target = "10001"}, "t", "a"), kStored);
  EXPECT_EQ(QueueStub(party->channel()).Pop("t", 5000), "E0000000000||a");
}

TEST_F(PollingQueues, ABigMessagePassesInBothDirections) {
  auto party = StartParty("127.0.0.34", "10001", 1);
  QueueStub at_party(party->channel());
  std::string large(64 << 20, 'x');
  for (size_t i = 0; i < large.size(); i += 4099) large[i] = static_cast<char>(i);
  EXPECT_EQ(at_9999_.Push({.target = "10001"}, "t", large), kStored);
  EXPECT_TRUE(at_party.Pop("t", 5000) == "E0000000000||" + large);
  EXPECT_EQ(at_party.Push({.target = "9999"}, "t", large), kStored);
  EXPECT_TRUE(at_9999_.Pop("t", 5000) == "E0000000000||" + large);
}

TEST_F(PollingQueues, ARepeatedNumberIsStoredOnce) {
  auto party = StartParty("127.0.0.34", "10001");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(
        at_9999_.Push({.target = "10001", .more = {{"x-fate-producer", "p"}, {"x-fate-seq", "1"}}},
                      "t", "a"),
        kStored);
    EXPECT_EQ(at_9999_.Header("x-fate-seq"), "1") << "the party's queue says that it knows it";
  }
  EXPECT_EQ(party->rollsite()->queue_stats().messages, 1u);
}

// A failure keeps its class and names the party.
TEST_F(PollingQueues, WhatThePartyRefusesIsAFailure) {
  auto party = StartParty("127.0.0.34", "10001");
  EXPECT_THAT(at_exchange_.Invoke({.target = "10001"}, "/other", ""),
              AllOf(HasSubstr("E0000000400|"), HasSubstr("PARTY_10001:uri /other")));
  EXPECT_THAT(at_exchange_.Invoke({.target = "10001", .more = {{"x-fate-producer", "p"}}},
                                  "/org.ppc.ptp.PrivateTransferTransport/push", ""),
              AllOf(HasSubstr("status 3"), HasSubstr("party 10001 answers: "),
                    HasSubstr("x-fate-seq is ''")));
}

// A party that takes what is not its own, and sends it back: the circle ends.
TEST_F(PollingQueues, ACircleOfRoutesEnds) {
  exchange_.WriteTable(R"({"route_table": {"default": {"default": [{"is_polling": true}]}},
                           "self_party": ["exchange"]})");
  auto party = StartParty("127.0.0.34", "10001", 30);
  // 10001's exchange is asked for 10001 by a name that 10001 does not answer to.
  party->WriteTable(TableOf("another"));
  std::string answer;
  EXPECT_TRUE(Within(10s, [&] {
    answer = at_9999_.Push({.target = "10001"}, "t", "a");
    return answer != kStored;
  }));
  EXPECT_THAT(answer, HasSubstr("has passed 8 gateways"));
}

relay::Headers HeadersOf(const PollingFrame& frame) {
  auto headers = InvokeHeaders(frame);
  EXPECT_TRUE(headers.ok()) << headers.status();
  return headers.ok() ? *headers : relay::Headers();
}

// A party made by hand.
class HandMadeStream {
 public:
  HandMadeStream(const Site& exchange, bool takes_invokes)
      : stub_(DataTransferService::NewStub(exchange.channel())) {
    if (takes_invokes) context_.AddMetadata(kPollingHeader, kPollingInvoke);
    stream_ = stub_->polling(&context_);
    PollingFrame first;
    first.mutable_metadata()->mutable_dst()->set_partyid("10001");
    stream_->Write(first);
  }
  PollingFrame Read() {
    PollingFrame frame;
    EXPECT_TRUE(stream_->Read(&frame));
    return frame;
  }
  // The whole of an invoke: its headers, and its bytes behind gRPC's frame head.
  std::pair<std::map<std::string, std::string>, std::string> ReadInvoke() {
    std::map<std::string, std::string> head;
    std::string bytes;
    PollingFrame frame = Read();
    EXPECT_EQ(frame.method(), "invoke");
    EXPECT_EQ(frame.seq(), 1);
    for (const auto& header : HeadersOf(frame)) head[std::string(header.name)] = header.value;
    int64_t seq = 1;
    for (frame = Read(); frame.method() == "invoke"; frame = Read()) {
      EXPECT_EQ(frame.seq(), ++seq);
      bytes += frame.packet().body().value();
    }
    EXPECT_EQ(frame.method(), "sub_stream_finish");
    return {head, bytes.substr(5)};
  }
  void Answer(const std::string& code, const std::string& message) {
    Outbound outbound;
    outbound.set_code(code);
    outbound.set_message(message);
    stream_->Write(
        InvokeAnswer(absl::OkStatus(), {{"x-fate-seq", "1"}}, outbound.SerializeAsString()));
  }
  void Write(const PollingFrame& frame) { stream_->Write(frame); }
  void Cancel() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<DataTransferService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<PollingFrame, PollingFrame>> stream_;
};

TEST_F(PollingQueues, AnAnswerThatIsLostIsAskedForAndOnlyThenRepeated) {
  HandMadeStream first(exchange_, true);
  auto pushed =
      std::async(std::launch::async, [&] { return at_9999_.Push({.target = "10001"}, "t", "a"); });
  auto [head, bytes] = first.ReadInvoke();
  EXPECT_EQ(head["x-ptp-session-id"], "s");
  EXPECT_EQ(head["x-ptp-target-node-id"], "10001");
  EXPECT_EQ(head["x-fate-seq"], "1");
  const std::string producer = head["x-fate-producer"];
  EXPECT_NE(producer, "");
  Inbound inbound;
  PushInbound push;
  ASSERT_TRUE(inbound.ParseFromString(bytes) && push.ParseFromString(inbound.payload()));
  EXPECT_EQ(push.payload(), "a");
  first.Cancel();  // it may have been stored

  HandMadeStream second(exchange_, true);
  std::tie(head, bytes) = second.ReadInvoke();
  EXPECT_THAT(head["x-ptp-uri"], HasSubstr("/fate.native.QueueTransport/query"));
  second.Answer("E0000000000", "absent");

  HandMadeStream third(exchange_, true);
  std::tie(head, bytes) = third.ReadInvoke();
  EXPECT_THAT(head["x-ptp-uri"], HasSubstr("PrivateTransferTransport/push"));
  EXPECT_EQ(head["x-fate-producer"], producer);
  EXPECT_EQ(head["x-fate-seq"], "1");
  third.Answer("E0000000000", "success");
  EXPECT_EQ(pushed.get(), kStored);
}

TEST_F(PollingQueues, APartyOfEggrollsIsSentNothingAndStaysOfUse) {
  HandMadeStream party(exchange_, false);
  ASSERT_TRUE(Within(10s, [&] { return Parked() == 1; }));
  EXPECT_THAT(at_9999_.Push({.target = "10001"}, "t", "a"),
              AllOf(HasSubstr("status 14"), HasSubstr("party 10001 polls with a rollsite that"),
                    HasSubstr("federation.osx.mode"), HasSubstr("nothing was sent")));
  EXPECT_EQ(Parked(), 1u);
  auto called = std::async(std::launch::async, [&] {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 10s);
    com::webank::ai::eggroll::api::networking::proxy::Packet packet, answer;
    packet.mutable_header()->mutable_dst()->set_partyid("10001");
    return DataTransferService::NewStub(exchange_.channel())
        ->unaryCall(&context, packet, &answer)
        .ok();
  });
  PollingFrame answer = party.Read();
  EXPECT_EQ(answer.method(), "unary_call");
  party.Write(answer);
  EXPECT_TRUE(called.get());
}

TEST_F(PollingQueues, APushThatWaitsForAStreamOfEggrollsIsRefusedToo) {
  auto pushed =
      std::async(std::launch::async, [&] { return at_9999_.Push({.target = "10001"}, "t", "a"); });
  ASSERT_TRUE(Within(10s, [&] { return exchange_.rollsite()->waiting_polled_calls() == 1; }));
  HandMadeStream party(exchange_, false);
  EXPECT_THAT(pushed.get(), HasSubstr("takes no invoke"));
  EXPECT_TRUE(Within(10s, [&] { return Parked() == 1; }));
}

TEST_F(PollingQueues, CallsThatLeftWhileTheyWaitedAreForgotten) {
  for (int i = 0; i < 200; ++i) {
    grpc::ClientContext context;
    context.AddMetadata("x-ptp-tech-provider-code", "FATE");
    context.AddMetadata("x-ptp-target-node-id", "10001");
    context.set_deadline(std::chrono::system_clock::now() + 2ms);
    Outbound answer;
    EXPECT_FALSE(PrivateTransferProtocol::NewStub(exchange_.channel())
                     ->invoke(&context, Inbound(), &answer)
                     .ok());
  }
  EXPECT_TRUE(Within(10s, [&] { return exchange_.rollsite()->waiting_polled_calls() == 0; }));
  auto party = StartParty("127.0.0.34", "10001", 1);
  EXPECT_EQ(at_9999_.Push({.target = "10001"}, "t", "a"), kStored);
}

// A restart of the exchange does not wait for them.
TEST_F(PollingQueues, CallsThatWaitEndWhenTheExchangeStops) {
  auto pushed = std::async(std::launch::async,
                           [&] { return at_exchange_.Invoke({.target = "10001"}, "/any", ""); });
  ASSERT_TRUE(Within(10s, [&] { return exchange_.rollsite()->waiting_polled_calls() == 1; }));
  const auto start = std::chrono::steady_clock::now();
  exchange_.Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 4s);
  EXPECT_THAT(pushed.get(), AllOf(HasSubstr("status 14"), HasSubstr("is stopping"),
                                  HasSubstr("party 10001 was sent nothing")));
}

std::vector<std::string> Shown(const relay::Headers& headers) {
  std::vector<std::string> lines;
  for (const auto& header : headers)
    lines.push_back(fmt::format("{}={}", header.name, header.value));
  return lines;
}

TEST(PollingFrames, AnInvokeTakesItsOwnHeadersAlongAndNoOthers) {
  const auto frame = InvokeHead({{":path", "/x"},
                                 {"grpc-timeout", "1S"},
                                 {"x-ptp-session-id", "s"},
                                 {"fate-queue-type", "NORMAL"},
                                 {"x-fate-seq", "7"},
                                 {kCarriedHeader, "id"},
                                 {kPollingHeader, "invoke"},
                                 {"cookie", "c"}});
  EXPECT_THAT(Shown(HeadersOf(frame)),
              UnorderedElementsAre("x-ptp-session-id=s", "fate-queue-type=NORMAL", "x-fate-seq=7"));
}

TEST(PollingFrames, HeadersThatMayNotComeAreRefusedByName) {
  auto with = [](const std::string& name, const std::string& value) {
    Inbound carried;
    (*carried.mutable_metadata())[name] = value;
    PollingFrame frame;
    frame.mutable_packet()->mutable_header()->set_ext(carried.SerializeAsString());
    return ToText(InvokeHeaders(frame).status());
  };
  EXPECT_THAT(with(":path", "/x"), HasSubstr("':path' may not come"));
  EXPECT_THAT(with("cookie", "x"), HasSubstr("'cookie' may not come"));
  EXPECT_THAT(with(kCarriedHeader, "x"), HasSubstr("may not come"));
  EXPECT_THAT(with("x-ptp-token", "a\r\nb: c"), HasSubstr("'x-ptp-token' may not come"));
  EXPECT_THAT(with("x-ptp-T", "a"), HasSubstr("may not come"));
  EXPECT_THAT(with("x-ptp-a b", "a"), HasSubstr("may not come"));
  EXPECT_THAT(with("x-ptp-token", std::string(100'000, 'a')), HasSubstr("may not come"));
  EXPECT_EQ(with("x-ptp-token", "a"), "OK");
  EXPECT_THAT(ToText(InvokeHeaders(PollingFrame()).status()), HasSubstr("damaged"));
}

TEST(PollingFrames, BytesAreWrappedInAFrameOfTheProtocol) {
  const std::string bytes(70'000, 'b');
  const std::string wire = InvokeUpToBytes(3, bytes.size()) + bytes;
  ASSERT_EQ(wire.substr(0, 5), relay::FrameHead(wire.size() - 5));
  PollingFrame frame;
  ASSERT_TRUE(frame.ParseFromString(wire.substr(5)));
  EXPECT_EQ(frame.method(), "invoke");
  EXPECT_EQ(frame.seq(), 3);
  EXPECT_TRUE(frame.packet().body().value() == bytes);
}

TEST(PollingFrames, AStatusKeepsItsClassAndText) {
  const auto failed = InvokeAnswer(ResourceExhaustedError("full: 100 %\n"), {}, "ignored");
  EXPECT_EQ(InvokeStatus(failed), ResourceExhaustedError("full: 100 %\n"));
  EXPECT_EQ(failed.packet().body().value(), "");
  const auto good = InvokeAnswer(absl::OkStatus(), {{"x-fate-seq", "1"}}, "message");
  EXPECT_EQ(InvokeStatus(good), absl::OkStatus());
  EXPECT_THAT(Shown(HeadersOf(good)), UnorderedElementsAre("x-fate-seq=1"));
  EXPECT_EQ(good.packet().body().value(), "message");
}

TEST(CarriedCalls, CountAsTheirPeersOnThisMachineWhileTheyLive) {
  CarriedCalls calls;
  const relay::Peer here{.host = "127.0.0.1"}, elsewhere{.host = "192.0.2.1"};
  const relay::Peer exchange{.host = "198.51.100.1"};
  auto ticket = calls.Carry(exchange);
  const relay::Headers carried = {ticket->header()};
  ASSERT_NE(calls.Find(here, carried), nullptr);
  EXPECT_EQ(calls.Find(here, carried)->caller.host, "198.51.100.1");
  EXPECT_FALSE(calls.IsOver(here, carried));
  EXPECT_EQ(calls.Find(elsewhere, carried), nullptr);
  EXPECT_FALSE(calls.IsOver(elsewhere, carried)) << "what others send says nothing";
  EXPECT_EQ(calls.Find(here, {}), nullptr);
  EXPECT_FALSE(calls.IsOver(here, {}));
  EXPECT_TRUE(calls.IsOver(here, {{kCarriedHeader, "guess"}}));
  ticket.reset();
  EXPECT_EQ(calls.Find(here, carried), nullptr);
  EXPECT_TRUE(calls.IsOver(here, carried));
}

}  // namespace
}  // namespace fate::rollsite
