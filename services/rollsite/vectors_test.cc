// Known answers of spec/rollsite.md 14 as they cross the network: what FATE's and OSX's own
// programs send and must get back, byte for byte (15, cases 1-3, 10, 13-17 and 19).
#include "rollsite/raw_calls.h"
#include "rollsite/test_support.h"

namespace fate::rollsite {
namespace {

using ::testing::StartsWith;
using namespace std::chrono_literals;

const std::string kTransport = "/org.ppc.ptp.PrivateTransferTransport/";
const std::string kTopic = "s-guest-9999-host-10000-n";
const std::string kHead =
    R"({"content_type": "text/plain", "app_id": "10000", "message_id": "n", "correlation_id": "t"})";
const std::string kMessage = Hex("125b") + kHead + Hex("1a03010203");
const std::string kTopicField = Hex("0a19") + kTopic;
const std::string kPushInbound = kTopicField + Hex("1262") + kMessage;
const std::string kPopInbound = kTopicField + Hex("1080a29511");
const std::string kSuccess = Hex("1a0b4530303030303030303030220773756363657373");
const std::string kExpired =
    Hex("1a0b45303030303030303630312213434f4e53554d455f4d53475f54494d454f5554");
const std::string kNoRoute =
    Hex("1a03313330222450415254595f393939393a63616e206e6f7420666f756e6420726f7574657220696e666f");

// TransportOutbound with code and message; both are shorter than 128 bytes.
std::string Coded(const std::string& code, const std::string& message) {
  return "\x1a" + std::string(1, static_cast<char>(code.size())) + code + "\x22" +
         std::string(1, static_cast<char>(message.size())) + message;
}

// As FATE's Python client sends them (spec 4.1), target as given.
MetadataMap Headers(const std::string& target, const std::string& session = "s") {
  MetadataMap headers = {{"x-ptp-trace-id", "1600000000_7"},
                         {"x-ptp-from-node-id", "9999"},
                         {"x-ptp-tech-provider-code", "FATE"}};
  if (!session.empty()) headers["x-ptp-session-id"] = session;
  if (!target.empty()) headers["x-ptp-target-node-id"] = target;
  return headers;
}

std::string TableTo(const std::string& party, const std::string& host, int port,
                    const std::string& self) {
  return fmt::format(R"({{"route_table": {{"{}": {{"default": {}}}}}, "self_party": ["{}"]}})",
                     party, EndpointJson(host, port), self);
}

class Vectors : public ::testing::Test {
 protected:
  explicit Vectors(bool strict = false)
      : site_("127.0.0.21", "9999", R"({"route_table": {}, "self_party": ["9999"]})",
              {"127.0.0.1", 1}, [strict](Config* config) { config->strict_codes = strict; }) {}
  std::string Call(const std::string& method, const std::string& message,
                   const MetadataMap& headers) {
    const auto answer = CallBytes(site_.channel(), kTransport + method, message, headers);
    return answer.ok() ? *answer : ToText(answer.status());
  }
  Site site_;
};

TEST_F(Vectors, TheVectorsAreAsLongAsTheSpecSays) {
  EXPECT_EQ(kHead.size(), 91u);
  EXPECT_EQ(kMessage.size(), 98u);
  EXPECT_EQ(kPushInbound.size(), 127u);
  EXPECT_EQ(Coded("E0000000601", "CONSUME_MSG_TIMEOUT"), kExpired);
}

TEST_F(Vectors, Case1To3AMessageGoesInAndOut) {
  EXPECT_EQ(Call("push", kPushInbound, Headers("9999")), kSuccess);
  // Waiting already: no message text; the payload is the Message of the push.
  EXPECT_EQ(Call("pop", kPopInbound, Headers("")),
            Hex("1262") + kMessage + Hex("1a0b4530303030303030303030"));
  EXPECT_EQ(Call("pop", kTopicField + Hex("1064"), Headers("")), kExpired);
  EXPECT_EQ(Call("push", Hex("0a017412020102"), Headers("9999")), kSuccess);
  EXPECT_EQ(Call("pop", Hex("0a017410ac02"), Headers("")),
            Hex("120201021a0b4530303030303030303030"));
}

TEST_F(Vectors, Case8To11PeekAndReleaseOfPythonsClient) {
  EXPECT_EQ(Call("peek", kTopicField, Headers("")), Hex("1a0b4530303030303030303030"));
  EXPECT_EQ(Call("push", kPushInbound, Headers("9999")), kSuccess);
  EXPECT_EQ(Call("release", "", Headers("")), kSuccess);
  EXPECT_EQ(Call("pop", kTopicField + Hex("1064"), Headers("")), kExpired);
  EXPECT_EQ(Call("release", "", Headers("", "never_seen")), kSuccess);
}

TEST_F(Vectors, Case13EveryMethodNeedsAProvider) {
  MetadataMap headers = Headers("9999");
  headers.erase("x-ptp-tech-provider-code");
  for (const char* method : {"push", "pop", "peek", "release"}) {
    EXPECT_THAT(Call(method, kPushInbound, headers),
                StartsWith("INTERNAL: techProviderCode is null"))
        << method;
  }
}

// ptp.strict_codes=true: gRPC OK, and upstream's bytes.
class StrictVectors : public Vectors {
 protected:
  StrictVectors() : Vectors(/*strict=*/true) {}
};

TEST_F(StrictVectors, Case14AnUnknownParty) {
  EXPECT_EQ(Call("push", kPushInbound, Headers("77777")), kNoRoute);
}

TEST_F(StrictVectors, Case15NoTarget) {
  EXPECT_EQ(Call("push", kPushInbound, Headers("")),
            Coded("E0000000500", "PARTY_9999:des party id is null"));
}

TEST_F(StrictVectors, Case16NoTopicOrNoSession) {
  EXPECT_EQ(Call("push", Hex("12020102"), Headers("9999")),
            Coded("E0000000400", "PARTY_9999:topic is null"));
  EXPECT_EQ(Call("push", kPushInbound, Headers("9999", "")),
            Coded("E0000000400", "PARTY_9999:sessionId is null"));
}

TEST_F(StrictVectors, WhatSucceedsOrExpiresIsTheSameAsEver) {
  EXPECT_EQ(Call("push", kPushInbound, Headers("9999")), kSuccess);
  EXPECT_EQ(Call("release", "", Headers("")), kSuccess);
  EXPECT_EQ(Call("pop", kTopicField + Hex("1001"), Headers("")), kExpired);
}

// The next gateway, in whose place a peer keeps what arrives.
class VectorsOnward : public ::testing::Test {
 protected:
  std::string PushThrough(Site* first) {
    const auto answer =
        CallBytes(first->channel(), kTransport + "push", kPushInbound, Headers("10000"));
    return answer.ok() ? *answer : ToText(answer.status());
  }
  void ExpectInvoke() {
    ASSERT_EQ(peer_.calls().size(), 1u);
    const RawPeer::Call call = peer_.calls()[0];
    EXPECT_EQ(call.path, "/org.ppc.ptp.PrivateTransferProtocol/invoke");
    EXPECT_EQ(call.messages, std::vector<std::string>{Hex("127f") + kPushInbound});
    auto header = [&](const char* name) {
      auto found = call.metadata.find(name);
      return found == call.metadata.end() ? "(none)" : found->second;
    };
    EXPECT_EQ(header("x-ptp-uri"), "grpcs://fedai.org/org.ppc.ptp.PrivateTransferTransport/push");
    EXPECT_EQ(header("x-ptp-tech-provider-code"), "FATE");
    EXPECT_EQ(header("x-ptp-session-id"), "s");
    EXPECT_EQ(header("x-ptp-target-node-id"), "10000");
    EXPECT_EQ(header("x-ptp-source-node-id"), "9999");
    EXPECT_EQ(header("x-ptp-from-node-id"), "(none)");
    EXPECT_EQ(header("x-ptp-trace-id"), "1600000000_7");
  }
  RawPeer peer_{"127.0.0.24", [](const RawPeer::Call&) { return kSuccess; }};
};

TEST_F(VectorsOnward, Case17And58TheOtherPartyIsInvoked) {
  Site g("127.0.0.21", "9999", TableTo("default", "127.0.0.24", peer_.port(), "9999"));
  EXPECT_EQ(PushThrough(&g), kSuccess);
  ExpectInvoke();
}

// spec/rollsite.md 3: what a gateway sends on, and that it sends nothing else.
TEST_F(VectorsOnward, EveryKeyOfTheProtocolGoesOnAndNoOther) {
  const MetadataMap known = {{"x-ptp-trace-id", "a"},       {"x-ptp-source-inst-id", "b"},
                             {"x-ptp-source-node-id", "c"}, {"x-ptp-version", "d"},
                             {"x-ptp-token", "e"},          {"x-ptp-target-node-id", "10000"},
                             {"x-ptp-target-inst-id", "f"}, {"x-ptp-session-id", "g"},
                             {"x-ptp-topic", "h"},          {"fate-queue-type", "NORMAL"},
                             {"fate-message-flag", "0"},    {"x-ptp-tech-provider-code", "FATE"}};
  MetadataMap sent = known;
  sent["x-ptp-code"] = "no key of requests";
  sent["x-ptp-from-node-id"] = "another source";
  sent["x-ptp-uri"] = "/elsewhere";
  sent["secret"] = "of this side";
  Site g("127.0.0.21", "9999", TableTo("default", "127.0.0.24", peer_.port(), "9999"));
  EXPECT_TRUE(CallBytes(g.channel(), kTransport + "push", kPushInbound, sent).ok());
  ASSERT_EQ(peer_.calls().size(), 1u);
  const RawPeer::Call call = peer_.calls()[0];
  MetadataMap arrived;
  for (const auto& [name, value] : call.metadata) {
    if (name.starts_with("x-ptp-") || name.starts_with("fate-") || name == "secret") {
      arrived[name] = value;
    }
  }
  MetadataMap expected = known;
  expected["x-ptp-uri"] = "grpcs://fedai.org/org.ppc.ptp.PrivateTransferTransport/push";
  EXPECT_EQ(arrived, expected);
}

TEST_F(VectorsOnward, Case19AnExchangePassesTheSameBytesAndUriOn) {
  Site exchange("127.0.0.23", "", TableTo("10000", "127.0.0.24", peer_.port(), "default"));
  Site g("127.0.0.21", "9999", TableTo("default", "127.0.0.23", exchange.port(), "9999"));
  EXPECT_EQ(PushThrough(&g), kSuccess);
  ExpectInvoke();
}

}  // namespace
}  // namespace fate::rollsite
