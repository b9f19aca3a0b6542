// FATE 1.0-1.3 and its Proxy: spec/fate-1x-services.md 12, 13 and its cases A26-A28; the same
// messages as eggroll's under FATE's name of the service.
#include "proxy/proxy.pb.h"
#include "rollsite/raw_calls.h"
#include "rollsite/test_support.h"

namespace fate::rollsite {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::Packet;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kService = "/com.webank.ai.fate.api.networking.proxy.DataTransferService/";

Packet PacketOf(const std::string& from, const std::string& to, const std::string& role) {
  Packet packet;
  auto fill = [&](auto* topic, const std::string& party) {
    topic->set_name("j1");
    topic->set_partyid(party);
    topic->set_role(role);
  };
  fill(packet.mutable_header()->mutable_src(), from);
  fill(packet.mutable_header()->mutable_dst(), to);
  return packet;
}

// 13.4: as FATE-Flow 1.3 submits a job to the other site.
std::string FlowPacket() {
  Packet packet = PacketOf("9999", "10000", "fateflow");
  auto* header = packet.mutable_header();
  header->mutable_task()->set_taskid("j1");
  auto* callback = header->mutable_src()->mutable_callback();
  callback->set_ip("10.1.1.1");
  callback->set_port(9360);
  header->mutable_command()->set_name("fateflow");
  header->set_operator_("POST");
  header->mutable_conf()->set_overalltimeout(1'200'000);
  packet.mutable_body()->set_key("/v1/schedule/j1/host/10000/create");
  packet.mutable_body()->set_value(R"({"job_id": "j1", "src_party_id": "9999"})");
  return packet.SerializeAsString();
}

std::string Table(const std::string& self, const std::string& routes,
                  const std::string& permission = "{}") {
  return fmt::format(R"({{"route_table": {{{}}}, "self_party": ["{}"], "permission": {}}})", routes,
                     self, permission);
}

std::string Route(const std::string& party, const std::string& role, const std::string& host,
                  int port) {
  return fmt::format(R"("{}": {{"{}": {}}})", party, role, EndpointJson(host, port));
}

// Two sites; behind the second one, 10000, a FATE-Flow and a Federation of one program.
class Proxies : public ::testing::Test {
 protected:
  Proxies()
      : h_("127.0.0.22", "",
           Table("10002",
                 R"("10000": {"fateflow": )" + Behind() + R"(, "fate": )" + Behind() + "}")),
        g_("127.0.0.21", "", Table("10003", Route("default", "default", "127.0.0.22", h_.port()))) {
  }
  std::string Behind() { return EndpointJson("127.0.0.24", behind_.port()); }

  RawPeer behind_{"127.0.0.24", [](const RawPeer::Call& call) {
                    return call.path == kService + "push" ? Hex("3007") : call.messages.at(0);
                  }};
  Site h_, g_;
};

TEST_F(Proxies, A28AJobOfFateFlow13ArrivesUnchanged) {
  const auto answer = CallBytes(g_.channel(), kService + "unaryCall", FlowPacket());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, FlowPacket()) << "the answer comes back as it was given";
  ASSERT_EQ(behind_.calls().size(), 1u);
  EXPECT_EQ(behind_.calls()[0].path, kService + "unaryCall");
  EXPECT_EQ(behind_.calls()[0].messages, std::vector<std::string>{FlowPacket()});
}

// 12.2, step 2: chunks of a table, answered by Federation's Metadata.
TEST_F(Proxies, APushOfFederationArrivesUnchanged) {
  std::vector<std::string> packets;
  for (int64_t seq = 1; seq <= 20; ++seq) {
    Packet packet = PacketOf("9999", "10000", "fate");
    packet.mutable_header()->mutable_task()->set_taskid("j1-hetero-t-guest-9999-host-10000");
    packet.mutable_header()->set_seq(seq);
    packet.mutable_body()->set_value(std::string(32'768, static_cast<char>('a' + seq)));
    packets.push_back(packet.SerializeAsString());
  }
  const auto answer = CallBytes(g_.channel(), kService + "push", packets);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, Hex("3007"));
  ASSERT_EQ(behind_.calls().size(), 1u);
  EXPECT_EQ(behind_.calls()[0].path, kService + "push");
  EXPECT_TRUE(behind_.calls()[0].messages == packets);
}

TEST(Packages, PollingIsServedUnderFatesNameToo) {
  Site site("127.0.0.23", "", Table("10004", ""), {"127.0.0.1", 1},
            [](Config* config) { config->polling_server = true; });
  // A first frame without a party.
  EXPECT_THAT(ToText(CallBytes(site.channel(), kService + "polling", Hex("1000")).status()),
              HasSubstr("must name the party that polls"));
}

TEST_F(Proxies, A26AnUnknownPartyIsToldInTheProxysWords) {
  const Packet packet = PacketOf("10000", "77777", "fateflow");
  for (const char* method : {"unaryCall", "push"}) {
    const auto answer = CallBytes(h_.channel(), kService + method, packet.SerializeAsString());
    EXPECT_THAT(ToText(answer.status()),
                AllOf(HasSubstr("no valid route for topic"), HasSubstr("party 77777"),
                      HasSubstr("route_table.json")));
  }
}

TEST_F(Proxies, A27ADeniedPairIsRejectedAndOthersPass) {
  const std::string deny = R"({"default_allow": true, "deny": [
      {"from": {"coordinator": "10000", "role": "fate"},
       "to": {"coordinator": "9999", "role": "fate"}}]})";
  Site site("127.0.0.23", "",
            Table("10004", Route("default", "default", "127.0.0.24", behind_.port()), deny));
  auto call = [&](const std::string& method, const Packet& packet) {
    return ToText(
        CallBytes(site.channel(), kService + method, packet.SerializeAsString()).status());
  };
  for (const char* method : {"unaryCall", "push"}) {
    EXPECT_THAT(call(method, PacketOf("10000", "9999", "fate")),
                AllOf(HasSubstr("PERMISSION_DENIED"),
                      HasSubstr("no permission from party 10000 role fate to party 9999 role fate"),
                      HasSubstr("permission.deny[0]")));
    EXPECT_EQ(call(method, PacketOf("10001", "9999", "fate")), "OK");
    EXPECT_EQ(call(method, PacketOf("10000", "9998", "fate")), "OK");
    EXPECT_EQ(call(method, PacketOf("10000", "9999", "fateflow")), "OK");
  }
  EXPECT_EQ(behind_.calls().size(), 6u);
}

}  // namespace
}  // namespace fate::rollsite
