// Parties without an inbound port (spec/rollsite.md 8.4, 14; 15, cases 49 and 50).
#include <future>

#include "proxy/proxy.grpc.pb.h"
#include "rollsite/test_support.h"

namespace fate::rollsite {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Metadata;
using com::webank::ai::eggroll::api::networking::proxy::Packet;
using com::webank::ai::eggroll::api::networking::proxy::PollingFrame;
using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr char kExchangeTable[] = R"({"route_table": {
    "10001": {"default": [{"is_polling": true}]}}, "self_party": ["default"]})";

Packet PacketTo(const std::string& party, const std::string& role, const std::string& value) {
  Packet packet;
  packet.mutable_header()->mutable_dst()->set_partyid(party);
  packet.mutable_header()->mutable_dst()->set_role(role);
  packet.mutable_body()->set_value(value);
  return packet;
}

// What lies behind the polling party: takes its pushes and unary calls.
class Behind final : public DataTransferService::Service {
 public:
  Behind() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.35:0", grpc::InsecureServerCredentials(), &port);
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterService(this);
    server = builder.BuildAndStart();
  }
  grpc::Status push(grpc::ServerContext*, grpc::ServerReader<Packet>* reader,
                    Metadata* answer) override {
    Packet packet;
    int64_t bytes = 0;
    while (reader->Read(&packet)) {
      bytes += static_cast<int64_t>(packet.body().value().size());
      if (packet.body().value() == "fail") return {grpc::StatusCode::INTERNAL, "the egg broke"};
    }
    answer->set_ack(bytes);
    return grpc::Status::OK;
  }
  grpc::Status unaryCall(grpc::ServerContext*, const Packet* request, Packet* answer) override {
    *answer = *request;
    answer->mutable_body()->set_value("answer to " + request->body().value());
    return grpc::Status::OK;
  }
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

void ServesPolling(Config* config) { config->polling_server = true; }

class PollingTest : public ::testing::Test {
 protected:
  PollingTest() : exchange_("127.0.0.33", "", kExchangeTable, {"127.0.0.1", 1}, &ServesPolling) {}

  // The party 10001, behind which `behind_` stands as party 7.
  void StartParty(int streams) {
    const std::string table = fmt::format(R"({{"route_table": {{"default": {{"default": {}}},
                                          "10001": {{"fateflow": {}}}, "7": {{"default": {}}}}},
                         "self_party": ["10001"]}})",
                                          EndpointJson("127.0.0.33", exchange_.port()),
                                          EndpointJson("127.0.0.35", behind_.port),
                                          EndpointJson("127.0.0.35", behind_.port));
    party_ = std::make_unique<Site>("127.0.0.34", "10001", table, relay::Address{"127.0.0.1", 1},
                                    [streams](Config* config) {
                                      config->polling_client = true;
                                      config->polling_streams = streams;
                                    });
    EXPECT_TRUE(Within(10s, [&] { return Parked() == static_cast<size_t>(streams); }));
  }
  size_t Parked() { return exchange_.rollsite()->parked_polling_streams(); }

  grpc::Status Push(const std::vector<std::string>& values, Metadata* answer,
                    std::chrono::milliseconds deadline = 20s) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + deadline);
    auto writer = DataTransferService::NewStub(exchange_.channel())->push(&context, answer);
    for (const std::string& value : values) writer->Write(PacketTo("10001", "host", value));
    writer->WritesDone();
    return writer->Finish();
  }
  grpc::Status Unary(const std::string& role, const std::string& value, Packet* answer,
                     std::chrono::milliseconds deadline = 20s) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + deadline);
    return DataTransferService::NewStub(exchange_.channel())
        ->unaryCall(&context, PacketTo("10001", role, value), answer);
  }

  Behind behind_;
  Site exchange_;
  std::unique_ptr<Site> party_;
};

TEST_F(PollingTest, AUnaryCallReachesThePartysFateflow) {
  StartParty(2);
  for (int i = 0; i < 10; ++i) {
    Packet answer;
    const auto status = Unary("fateflow", std::to_string(i), &answer);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(answer.body().value(), fmt::format("answer to {}", i));
  }
}

TEST_F(PollingTest, CallsInParallelShareTheStreams) {
  StartParty(3);
  std::vector<std::future<bool>> calls;
  for (int i = 0; i < 30; ++i) {
    calls.push_back(std::async(std::launch::async, [this, i] {
      Packet answer;
      return Unary("fateflow", std::to_string(i), &answer).ok() &&
             answer.body().value() == fmt::format("answer to {}", i);
    }));
  }
  for (auto& call : calls) EXPECT_TRUE(call.get());
}

// The party's table sends what is for party 7 on, so that a push can be seen at its end; here
// the party itself has no eggs.
TEST_F(PollingTest, Case49APushIsAnsweredWithThePartysStatus) {
  StartParty(1);
  Metadata answer;
  const auto status = Push({"hello"}, &answer);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.error_message(), HasSubstr("party 10001 answers"));
  // The stream is used up and replaced.
  EXPECT_TRUE(Within(10s, [&] { return Parked() == 1; }));
}

// With 30 streams a circle would take a while to run out of them.
TEST_F(PollingTest, WhatTheExchangeHasBroughtIsNotSentBackToIt) {
  StartParty(30);
  party_->WriteTable(fmt::format(
      R"({{"route_table": {{"default": {{"default": {}}}}}, "self_party": ["another"]}})",
      EndpointJson("127.0.0.33", exchange_.port())));
  grpc::Status status;
  EXPECT_TRUE(Within(10s, [&] {
    Metadata answer;
    status = Push({"hello"}, &answer);
    return status.error_message().find("leads back to the exchange") != std::string::npos;
  })) << status.error_message();
  Packet answer;
  status = Unary("fateflow", "", &answer);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.error_message(),
              AllOf(HasSubstr("leads back to the exchange"), HasSubstr("fateflow of party 10001")));
}

// The frames of the spec, byte for byte, seen by a party made by hand.
class HandMadeParty {
 public:
  explicit HandMadeParty(const Site& exchange)
      : stub_(DataTransferService::NewStub(exchange.channel())),
        stream_(stub_->polling(&context_)) {
    PollingFrame first;
    first.mutable_metadata()->mutable_dst()->set_partyid("10001");
    EXPECT_EQ(first.SerializeAsString(), Hex("52091a0712053130303031"));
    stream_->Write(first);
  }
  PollingFrame Read() {
    PollingFrame frame;
    EXPECT_TRUE(stream_->Read(&frame));
    return frame;
  }
  void Write(const PollingFrame& frame) { stream_->Write(frame); }
  grpc::Status Finish() {
    stream_->WritesDone();
    PollingFrame frame;
    while (stream_->Read(&frame)) {
    }
    return stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<DataTransferService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<PollingFrame, PollingFrame>> stream_;
};

TEST_F(PollingTest, Case49FramesAreThoseOfTheSpec) {
  HandMadeParty party(exchange_);
  ASSERT_TRUE(Within(10s, [&] { return Parked() == 1; }));
  const std::string large(3 << 20, 'x');
  auto pushed = std::async(std::launch::async, [&] {
    Metadata answer;
    const auto status = Push({"one", large}, &answer);
    return status.ok() ? fmt::format("ack {}", answer.ack()) : status.error_message();
  });
  PollingFrame frame = party.Read();
  EXPECT_EQ(frame.method(), "push");
  EXPECT_EQ(frame.seq(), 1);
  EXPECT_EQ(frame.packet().body().value(), "one");
  frame = party.Read();
  EXPECT_EQ(frame.seq(), 2);
  EXPECT_EQ(frame.packet().body().value(), large);
  EXPECT_EQ(party.Read().SerializeAsString(), Hex("0a117375625f73747265616d5f66696e6973681003"));
  PollingFrame answer;
  ASSERT_TRUE(answer.ParseFromString(Hex("0a0470757368100152023801")));
  party.Write(answer);
  EXPECT_EQ(pushed.get(), "ack 1");
  EXPECT_TRUE(party.Finish().ok());
}

TEST_F(PollingTest, AnErrorOfThePartyReachesTheCaller) {
  HandMadeParty party(exchange_);
  auto called = std::async(std::launch::async, [&] {
    Packet answer;
    return Unary("fateflow", "x", &answer).error_message();
  });
  EXPECT_EQ(party.Read().method(), "unary_call");
  PollingFrame poison;
  ASSERT_TRUE(poison.ParseFromString(Hex("0a0c6572726f725f706f69736f6ef2010178")));
  party.Write(poison);
  EXPECT_THAT(called.get(), HasSubstr("party 10001 answers: x"));
}

TEST_F(PollingTest, APartyThatLeavesInTheMiddleIsAFailure) {
  auto party = std::make_unique<HandMadeParty>(exchange_);
  auto called = std::async(std::launch::async, [&] {
    Packet answer;
    return Unary("fateflow", "x", &answer).error_message();
  });
  EXPECT_EQ(party->Read().method(), "unary_call");
  EXPECT_TRUE(party->Finish().ok());
  EXPECT_THAT(called.get(), HasSubstr("party 10001 ended the call without an answer"));
}

TEST_F(PollingTest, ACallWaitsForAStreamUntilItsDeadline) {
  auto called = std::async(std::launch::async, [&] {
    Packet answer;
    const auto status = Unary("fateflow", "early", &answer);
    return status.ok() ? answer.body().value() : status.error_message();
  });
  StartParty(1);
  EXPECT_EQ(called.get(), "answer to early");
  party_.reset();
  ASSERT_TRUE(Within(10s, [&] { return Parked() == 0; }));
  Packet answer;
  EXPECT_FALSE(Unary("fateflow", "late", &answer, 300ms).ok());
}

TEST_F(PollingTest, Case50AStreamWithoutCallsEndsQuietlyAndComesBack) {
  Site exchange("127.0.0.36", "", kExchangeTable, {"127.0.0.1", 1}, [](Config* config) {
    config->polling_server = true;
    config->polling_no_data_timeout = absl::Milliseconds(100);
  });
  HandMadeParty idle(exchange);
  EXPECT_TRUE(idle.Finish().ok());
  ASSERT_TRUE(Within(10s, [&] { return exchange.rollsite()->parked_polling_streams() == 0; }));
}

TEST_F(PollingTest, AFirstFrameWithoutPartyIsRefused) {
  grpc::ClientContext context;
  auto stub = DataTransferService::NewStub(exchange_.channel());
  auto stream = stub->polling(&context);
  stream->Write(PollingFrame());
  PollingFrame frame;
  while (stream->Read(&frame)) {
  }
  EXPECT_THAT(stream->Finish().error_message(),
              HasSubstr("must name the party that polls in metadata.dst.partyId"));
}

TEST(Polling, WhereItIsOffItIsRefusedByName) {
  Site site("127.0.0.33", "1", R"({"route_table": {}, "self_party": ["1"]})");
  grpc::ClientContext context;
  auto stub = DataTransferService::NewStub(site.channel());
  auto stream = stub->polling(&context);
  PollingFrame frame;
  while (stream->Read(&frame)) {
  }
  const auto status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("eggroll.rollsite.polling.server.enabled=true"));
}

}  // namespace
}  // namespace fate::rollsite
