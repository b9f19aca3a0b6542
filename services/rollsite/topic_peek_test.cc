#include "rollsite/topic_peek.h"

#include "osx/osx.pb.h"
#include "relay/grpc_wire.h"
#include "rollsite/test_support.h"

namespace fate::rollsite {
namespace {

std::string Framed(const google::protobuf::MessageLite& message) {
  const std::string bytes = message.SerializeAsString();
  return relay::FrameHead(bytes.size()) + bytes;
}

std::string Seen(std::string_view begin, bool wrapped = false) {
  const auto topic = TopicIn(begin, wrapped);
  return topic ? std::string(*topic) : "(more)";
}

TEST(TopicPeek, FindsTheTopicOnceItIsThereHoweverTheBytesAreCut) {
  org::ppc::ptp::PushInbound push;
  push.set_topic(std::string(200, 't'));
  push.set_payload("payload");
  org::ppc::ptp::Inbound invoke;
  invoke.set_payload(push.SerializeAsString());
  for (const bool wrapped : {false, true}) {
    const std::string frame = wrapped ? Framed(invoke) : Framed(push);
    const size_t enough = frame.find("tt") + 200;
    for (size_t size = 0; size <= frame.size(); ++size) {
      EXPECT_EQ(Seen(std::string_view(frame).substr(0, size), wrapped),
                size < enough ? "(more)" : push.topic())
          << size;
    }
  }
}

TEST(TopicPeek, SeesNoneWhereThereIsNone) {
  EXPECT_EQ(Seen(Framed(org::ppc::ptp::ReleaseInbound())), "");
  EXPECT_EQ(Seen(Framed(org::ppc::ptp::Inbound()), true), "");
  org::ppc::ptp::PushInbound push;
  push.set_payload("payload");
  EXPECT_EQ(Seen(Framed(push)), "");
  push.set_topic(std::string(5000, 't'));
  EXPECT_EQ(Seen(Framed(push)), "") << "longer than a topic may be";
  EXPECT_EQ(Seen(relay::FrameHead(20) + "\x0a" + std::string(10, '\xff')), "");
}

}  // namespace
}  // namespace fate::rollsite
