#include "clustermanager/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "base/text.h"
#include "eggroll/command.pb.h"

namespace fate::clustermanager {
namespace {

using com::webank::eggroll::core::command::CommandRequest;
using com::webank::eggroll::core::command::CommandResponse;
using ::testing::HasSubstr;

session::Processor EggSeven() {
  return {.id = 7,
          .node_id = 2,
          .status = session::ProcessorStatus::kRunning,
          .command = {"10.0.0.5", 40001},
          .transfer = {"10.0.0.5", 40002},
          .pid = 1234};
}

// Hex vectors of spec/eggroll-control-plane.md 21.
TEST(MessagesTest, V8AnActiveSessionOnTheWire) {
  session::Session s{.id = "s1", .status = session::SessionStatus::kActive};
  s.processors = {EggSeven()};
  s.options[session::kEggsPerNodeOption] = "1";
  EXPECT_EQ(HexEncode(ToMessage(s, true).SerializeAsString()),
            "0a0273311a064143544956452a3a0807100222086567675f706169722a0752554e4e494e47320e0a083130"
            "2e302e302e3510c1b8023a0e0a0831302e302e302e3510c2b80248d20932280a23656767726f6c6c2e7365"
            "7373696f6e2e70726f636573736f72732e7065722e6e6f6465120131");
}

TEST(MessagesTest, V9WhatANodemanagerIsToldToStart) {
  session::Processor egg{.id = 7, .node_id = 2, .command = {"10.0.0.5", 0}};
  EXPECT_EQ(HexEncode(StartMessage("s1", {egg}).SerializeAsString()),
            "0a0273312a2c0807100222086567675f706169722a034e4557320a0a0831302e302e302e353a0048ffffff"
            "ffffffffffff01");
}

TEST(MessagesTest, V7AnEggsHeartbeatIsUnderstood) {
  meta::Processor message;
  ASSERT_TRUE(message.ParseFromString(*HexDecode(
      "0807100222086567675f706169722a0752554e4e494e47320f0a096c6f63616c686f737410c1b8023a0f0a096c6f"
      "63616c686f737410c2b80242180a12656767726f6c6c2e73657373696f6e2e69641202733148d209")));
  auto beat = ToBeat(message);
  ASSERT_TRUE(beat.ok()) << beat.status();
  EXPECT_EQ(beat->processor.id, 7);
  EXPECT_EQ(beat->processor.status, session::ProcessorStatus::kRunning);
  EXPECT_EQ(beat->processor.command, (session::Endpoint{"localhost", 40001}));
  EXPECT_EQ(beat->processor.transfer, (session::Endpoint{"localhost", 40002}));
  EXPECT_EQ(beat->processor.pid, 1234);
}

TEST(MessagesTest, V15ANodesHeartbeatIsUnderstood) {
  meta::NodeHeartbeat message;
  ASSERT_TRUE(message.ParseFromString(*HexDecode(
      "0801123f08ffffffffffffffffff01220d0a0831302e302e302e3510bf242a0c4e4f44455f4d414e414745523204"
      "494e49543a0f0a09564350555f434f524510081801")));
  auto beat = ToBeat(message);
  ASSERT_TRUE(beat.ok()) << beat.status();
  EXPECT_EQ(beat->sequence, 1u);
  EXPECT_EQ(beat->node.id, -1);
  EXPECT_EQ(beat->node.endpoint, (session::Endpoint{"10.0.0.5", 4671}));
  ASSERT_EQ(beat->node.resources.size(), 1u);
  EXPECT_EQ(beat->node.resources[0].total, 8);
  EXPECT_EQ(beat->node.resources[0].used, 1);
}

template <class Message>
std::string RoundTrip(const std::string& hex) {
  Message message;
  EXPECT_TRUE(message.ParseFromString(*HexDecode(hex)));
  return HexEncode(message.SerializeAsString());
}

// Acceptance case 45: byte-identical through the generated classes.
TEST(MessagesTest, TheVectorsRoundTrip) {
  const std::string v1 = "0a0273311a034e4557";
  EXPECT_EQ(RoundTrip<meta::SessionMeta>(v1), v1);
  const std::string v2 =
      v1 + "32280a23656767726f6c6c2e73657373696f6e2e70726f636573736f72732e7065722e6e6f6465120132";
  EXPECT_EQ(RoundTrip<meta::SessionMeta>(v2), v2);
  const std::string v3 =
      "0a1632303234303832312e3130313131322e313233343536122d76312f636c75737465722d6d616e616765722f73"
      "657373696f6e2f6765744f7243726561746553657373696f6e1a090a0273311a034e4557";
  EXPECT_EQ(RoundTrip<CommandRequest>(v3), v3);
  EXPECT_EQ(RoundTrip<CommandResponse>("0a01781a00"), "0a01781a00");
  const std::string v5 =
      "0a0131122a76312f636c75737465722d6d616e616765722f73657373696f6e2f6b696c6c416c6c53657373696f6e"
      "731a00";
  EXPECT_EQ(RoundTrip<CommandRequest>(v5), v5);
  EXPECT_EQ(RoundTrip<meta::Endpoint>("0a096c6f63616c686f737410c1b802"),
            "0a096c6f63616c686f737410c1b802");
  const std::string v17 = "08ffffffffffffffffff012a0c4e4f44455f4d414e4147455232074845414c544859";
  EXPECT_EQ(RoundTrip<meta::ServerNode>(v17), v17);
  const std::string v18 = "0a09564350555f434f524510041a0c636c7573746572436865636b";
  EXPECT_EQ(RoundTrip<meta::CheckResourceEnoughRequest>(v18), v18);
  const std::string v22 =
      "08ffffffffffffffffff0112044c4d44421a026e7322016e30043a0f42595445535452494e475f48415348420650"
      "49434b4c45";
  EXPECT_EQ(RoundTrip<meta::StoreLocator>(v22), v22);
}

TEST(MessagesTest, BadRequestsAreRefusedWithTheirPlace) {
  meta::SessionMeta request;
  request.set_id("../../etc");
  EXPECT_THAT(Message(ToCreateSession(request).status()), HasSubstr("../../etc"));
  request.set_id("s1");
  (*request.mutable_options())["k"] = std::string(2001, 'x');
  EXPECT_THAT(Message(ToCreateSession(request).status()), HasSubstr("value of option k"));
  meta::Processor processor;
  processor.set_status("SLEEPING");
  EXPECT_THAT(Message(ToBeat(processor).status()), HasSubstr("SLEEPING"));
  meta::NodeHeartbeat heartbeat;
  heartbeat.mutable_node()->set_status("HEALTHY");
  EXPECT_THAT(Message(ToBeat(heartbeat).status()), HasSubstr("address"));
}

}  // namespace
}  // namespace fate::clustermanager
