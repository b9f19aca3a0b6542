#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include <future>
#include <nlohmann/json.hpp>

#include "base/status.h"
#include "base/text.h"
#include "fateflow/partner_client.h"
#include "fateflow/partner_server.h"
#include "proxy/proxy.grpc.pb.h"

namespace fate::flow {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Metadata;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// Answers what it was asked, or a fixed body.
http::Response Echo(const http::Request& request) {
  if (request.path == "/v2/partner/no/json") return {.body = "<html>"};
  nlohmann::json answer = {{"code", 0}, {"message", "success"}};
  answer["data"] = {{"path", request.path},
                    {"method", request.method},
                    {"body", request.body},
                    {"initiator", request.Header("initiator-party-id")}};
  return {.body = answer.dump()};
}

std::unique_ptr<PartnerServer> Serve(int port = 0) {
  auto server = PartnerServer::Start({.host = "127.0.0.1", .port = port, .threads = 2}, Echo);
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

PartnerClient ClientOf(int proxy_port) {
  return PartnerClient({.own_party = "9999",
                        .proxy_name = "rollsite",
                        .proxy = {"127.0.0.1", proxy_port},
                        .callback = {"127.0.0.1", 9380},
                        .local = [](const http::Request&) {
                          return http::Response{.body = R"({"code":0,"message":"local"})"};
                        }});
}

// A port on which nobody listens.
int FreePort() { return Serve()->port(); }

const PartnerRequest kStatusUpdate = {
    .dest_party = "10000",
    .path = "/v2/partner/job/status/update",
    .job_id = "j1",
    .body = R"({"job_id": "j1", "role": "host", "party_id": "10000", "status": "waiting"})",
    .headers = {{"initiator-party-id", "9999"}}};

// spec/fate-flow.md 8.3
TEST(PartnerPacket, IsTheVectorOfTheSpec) {
  Packet packet = RequestPacket(kStatusUpdate, "9999", {"127.0.0.1", 9380});
  EXPECT_EQ(HexEncode(packet.SerializeAsString()),
            "0a99010a2f0a026a3112290a0768656164657273121e7b22696e69746961746f722d70617274792d696422"
            "3a202239393939227d12240a026a311204393939391a0866617465666c6f77220e0a093132372e302e302e"
            "3110a4491a150a026a31120531303030301a0866617465666c6f77221f0a1d2f76322f706172746e65722f"
            "6a6f622f7374617475732f7570646174652a04504f53544202080a126b0a1d2f76322f706172746e65722f"
            "6a6f622f7374617475732f757064617465124a7b226a6f625f6964223a20226a31222c2022726f6c65223a"
            "2022686f7374222c202270617274795f6964223a20223130303030222c2022737461747573223a20227761"
            "6974696e67227d");
}

TEST(PartnerPacket, TravelsWithTheMetadataOfTheSpec) {
  EXPECT_THAT(RequestMetadata(kStatusUpdate, "9999"),
              ElementsAre(Pair("service", "fateflow"), Pair("src-party-id", "9999"),
                          Pair("src-role", "guest"), Pair("dest-party-id", "10000"),
                          Pair("dest-role", "host")));
}

TEST(PartnerPacket, HoldsAnHttpRequest) {
  Packet packet = RequestPacket(kStatusUpdate, "9999", {"127.0.0.1", 9380});
  packet.mutable_header()->mutable_task()->mutable_model()->set_datakey(
      R"({"Initiator_Party_Id": "9999", "number": 7})");
  auto request = RequestInside(packet);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->path, "/v2/partner/job/status/update");
  EXPECT_EQ(request->body, kStatusUpdate.body);
  EXPECT_THAT(request->headers, ElementsAre(Pair("initiator-party-id", "9999")));
}

TEST(PartnerPacket, OpensOnlyTheRoutesOfPartners) {
  for (const char* path : {"/v2/job/submit", "/v2/worker/model/save", "", "/v2/partner"}) {
    Packet packet = RequestPacket({.dest_party = "1", .path = path, .headers = {}}, "2", {});
    EXPECT_EQ(RequestInside(packet).status().code(), absl::StatusCode::kNotFound) << path;
  }
  Packet get = RequestPacket(kStatusUpdate, "9999", {});
  get.mutable_header()->set_operator_("GET");
  EXPECT_EQ(RequestInside(get).status().code(), absl::StatusCode::kInvalidArgument);
}

// spec/fate-flow.md 8.2, "Reply packet"
TEST(PartnerPacket, IsAnsweredWithTheSidesSwapped) {
  Packet request = RequestPacket(kStatusUpdate, "9999", {"127.0.0.1", 9380});
  Packet reply = ReplyPacket(request, "{}", {"127.0.0.2", 9360});
  EXPECT_EQ(reply.header().src().partyid(), "10000");
  EXPECT_EQ(reply.header().src().callback().ip(), "127.0.0.2");
  EXPECT_EQ(reply.header().src().callback().port(), 9360);
  EXPECT_EQ(reply.header().dst().partyid(), "9999");
  EXPECT_EQ(reply.header().task().taskid(), "j1");
  EXPECT_EQ(reply.header().task().model().datakey(), "null");
  EXPECT_EQ(reply.header().operator_(), "POST");
  EXPECT_EQ(reply.header().conf().overalltimeout(), 30000);
  EXPECT_EQ(reply.body().key(), "/v2/partner/job/status/update");
  EXPECT_EQ(reply.body().value(), "{}");
}

TEST(PartnerClient, ReachesTheRoutesOfAnotherParty) {
  auto server = Serve();
  PartnerClient client = ClientOf(server->port());
  PartnerReply reply = client.Call(kStatusUpdate);
  EXPECT_EQ(reply.code, 0);
  EXPECT_EQ(reply.attempts, 1);
  EXPECT_EQ(reply.json["data"]["path"], kStatusUpdate.path);
  EXPECT_EQ(reply.json["data"]["body"], kStatusUpdate.body);
  EXPECT_EQ(reply.json["data"]["initiator"], "9999");
}

TEST(PartnerClient, StaysInTheProcessForItsOwnPartyAndTheLocalSite) {
  PartnerClient client = ClientOf(FreePort());
  for (const char* party : {"9999", "0"}) {
    auto answer = client.Call(party, "j1", "/v2/partner/job/start", "{}");
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ((*answer)["message"], "local");
  }
}

// spec/fate-flow.md 7, "Retries"
TEST(PartnerClient, SaysWhoDidNotAnswerWhereAndWhatToDo) {
  int port = FreePort();
  PartnerClient client = ClientOf(port);
  PartnerRequest request = kStatusUpdate;
  request.patience = absl::Milliseconds(400);
  PartnerReply reply = client.Call(request);
  EXPECT_EQ(reply.code, 104);
  EXPECT_EQ(reply.json["code"], 104);
  EXPECT_GT(reply.attempts, 1);
  EXPECT_THAT(reply.message, HasSubstr("Federated schedule error, party 10000 did not answer "
                                       "/v2/partner/job/status/update"));
  EXPECT_THAT(reply.message, HasSubstr(fmt::format("through rollsite 127.0.0.1:{}", port)));
  EXPECT_THAT(reply.message, HasSubstr("fate-rollsite"));
}

TEST(PartnerClient, FindsAPeerThatIsBeingRestarted) {
  int port = FreePort();
  PartnerClient client = ClientOf(port);
  std::promise<PartnerReply> promise;
  client.CallAsync(kStatusUpdate, [&](PartnerReply reply) { promise.set_value(std::move(reply)); });
  auto server = Serve(port);
  PartnerReply reply = promise.get_future().get();
  EXPECT_EQ(reply.code, 0) << reply.message;
}

TEST(PartnerClient, DoesNotInsistWhenTheWayIsClosed) {
  class Refusing : public DataTransferService::Service {
    grpc::Status unaryCall(grpc::ServerContext*, const Packet*, Packet*) override {
      return {grpc::StatusCode::NOT_FOUND, "no route to party 10000"};
    }
  } service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  auto server = builder.BuildAndStart();
  PartnerReply reply = ClientOf(port).Call(kStatusUpdate);
  EXPECT_EQ(reply.code, 104);
  EXPECT_EQ(reply.attempts, 1);
  EXPECT_THAT(reply.message, HasSubstr("no route to party 10000"));
}

TEST(PartnerClient, AnswersCallsThatItsEndCutsShort) {
  std::promise<PartnerReply> promise;
  {
    PartnerClient client = ClientOf(FreePort());
    client.CallAsync(kStatusUpdate,
                     [&](PartnerReply reply) { promise.set_value(std::move(reply)); });
  }
  EXPECT_EQ(promise.get_future().get().code, 104);
}

// spec/fate-flow.md 8.2: code 6002
TEST(PartnerServer, TurnsWhatIsNoJsonIntoAnError) {
  auto server = Serve();
  PartnerRequest request = kStatusUpdate;
  request.path = "/v2/partner/no/json";
  EXPECT_EQ(ClientOf(server->port()).Call(request).code, 6002);
}

// spec/fate-flow.md 1
TEST(PartnerServer, KnowsNoStreams) {
  auto server = Serve();
  auto stub = DataTransferService::NewStub(grpc::CreateChannel(
      fmt::format("127.0.0.1:{}", server->port()), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  Metadata answer;
  auto writer = stub->push(&context, &answer);
  writer->WritesDone();
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

}  // namespace
}  // namespace fate::flow
