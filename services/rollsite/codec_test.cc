// Known answers of spec/rollsite.md 14.
#include "osx/osx.pb.h"
#include "rollsite/egg_messages.h"
#include "rollsite/packet_codec.h"
#include "rollsite/ptp.h"
#include "rollsite/test_support.h"
#include "transfer_queue/transfer_queue.h"
#include "wire/federation_key.h"

namespace fate::rollsite {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Joined(const std::vector<relay::Slice>& pieces) {
  std::string bytes;
  for (const auto& piece : pieces) bytes += piece.view();
  return bytes;
}

const std::string kRsh = Hex(
    "0a02733112026e311a027431220567756573742a04393939393204686f73743a05313030303042066f626a65637478"
    "01880101900101a00101a80101f2011066696e6973685f706172746974696f6e");
const std::string kPairBin =
    Hex("4670939400000001000000000000000000000004000000000000000568656c6c6f");
const std::string kMetadata = Hex("120d1204393939391a0567756573741a0d120531303030301a04686f737430"
                                  "014a4f") +
                              kRsh + Hex("a20605332e322e30");
const std::string kPacket = Hex("0a79") + kMetadata + Hex("12231221") + kPairBin;

TEST(Outbound, HasTheBytesOfTheSpec) {
  EXPECT_EQ(Joined(EncodeOutbound(transfer_queue::kSuccess, "success")),
            Hex("1a0b4530303030303030303030220773756363657373"));
  EXPECT_EQ(Joined(EncodeOutbound(transfer_queue::kTimeOut, "CONSUME_MSG_TIMEOUT")),
            Hex("1a0b45303030303030303630312213434f4e53554d455f4d53475f54494d454f5554"));
  EXPECT_EQ(Joined(EncodeOutbound(transfer_queue::kSuccess, "", Rope("\x01\x02"))),
            Hex("120201021a0b4530303030303030303030"));
  EXPECT_EQ(Joined(EncodeOutbound(kRouterError, PartyText("9999", "can not found router info"))),
            Hex("1a03313330222450415254595f393939393a63616e206e6f7420666f756e6420726f7574657220696e"
                "666f"));
}

TEST(Outbound, ALongPayloadParsesAsProtobuf) {
  std::string payload(300'000, 'x');
  org::ppc::ptp::TransportOutbound parsed;
  ASSERT_TRUE(
      parsed.ParseFromString(Joined(EncodeOutbound("E0000000000", "success", Rope(payload)))));
  EXPECT_EQ(parsed.payload(), payload);
  EXPECT_EQ(parsed.message(), "success");
}

TEST(Ptp, TheSourceFallsBackAndTheUriIsPrefixedOnce) {
  const relay::Headers head = {{"x-ptp-tech-provider-code", "FATE"},
                               {"x-ptp-from-node-id", "9999"},
                               {"x-ptp-target-inst-id", "10000"},
                               {"x-ptp-session-id", "s"}};
  const auto context = PtpContext::Read(head);
  EXPECT_EQ(context.source_node, "9999");
  EXPECT_EQ(context.Target(), "10000");
  relay::Headers emitted = context.Emit(kPushPath);
  EXPECT_EQ(relay::Find(emitted, "x-ptp-source-node-id"), "9999");
  EXPECT_EQ(relay::Find(emitted, "x-ptp-from-node-id"), "");
  EXPECT_EQ(relay::Find(emitted, "x-ptp-uri"),
            "grpcs://fedai.org/org.ppc.ptp.PrivateTransferTransport/push");
  EXPECT_EQ(relay::Find(context.Emit("grpcs://fedai.org/x"), "x-ptp-uri"), "grpcs://fedai.org/x");
  auto path_of = [](const char* uri) {
    const relay::Headers with_uri = {{"x-ptp-uri", uri}};
    return std::string(PtpContext::Read(with_uri).UriPath());
  };
  EXPECT_EQ(path_of("grpcs://fedai.org/a/b"), "/a/b");
  EXPECT_EQ(path_of("/a/b"), "/a/b");
  EXPECT_EQ(path_of("grpcs://fedai.org"), "");
}

TEST(PeekHeader, NeedsThePacketsHeaderAndNoMore) {
  std::string frame = relay::FrameHead(kPacket.size()) + kPacket;
  const size_t enough = relay::kFrameHeadBytes + 2 + kMetadata.size();
  for (size_t size = 0; size < enough; ++size) {
    PacketHeader header;
    auto peeked = PeekHeader(std::string_view(frame).substr(0, size), &header);
    ASSERT_TRUE(peeked.ok()) << size << peeked.status();
    EXPECT_FALSE(*peeked) << size;
  }
  for (size_t size : {enough, frame.size(), frame.size() + 0}) {
    PacketHeader header;
    auto peeked = PeekHeader(std::string_view(frame).substr(0, size), &header);
    ASSERT_TRUE(peeked.ok()) << peeked.status();
    ASSERT_TRUE(*peeked);
    Destination to = DestinationOf(header);
    EXPECT_EQ(to.party, "10000");
    EXPECT_EQ(to.role, "host");
    ASSERT_TRUE(to.ext);
    EXPECT_EQ(wire::ReceivingSession(*to.ext), "s1_host_10000");
  }
}

TEST(PeekHeader, TakesTheDestinationFromDstWhenExtHasNone) {
  PacketHeader header;
  header.mutable_dst()->set_partyid("10000");
  header.mutable_dst()->set_role("fateflow");
  EXPECT_EQ(DestinationOf(header).party, "10000");
  header.set_ext("\xff\xff");
  EXPECT_EQ(DestinationOf(header).role, "fateflow");
  EXPECT_FALSE(DestinationOf(header).ext);
}

TEST(PeekHeader, SkipsFieldsBeforeTheHeaderAndRefusesWhatIsNoPacket) {
  PacketHeader header;
  auto peek = [&header](const std::string& packet) {
    return PeekHeader(relay::FrameHead(packet.size()) + packet, &header);
  };
  auto after_body = peek(Hex("12021200") + Hex("0a021a00"));
  ASSERT_TRUE(after_body.ok()) << after_body.status();
  EXPECT_TRUE(*after_body);
  EXPECT_FALSE(peek("").ok());
  EXPECT_FALSE(peek(Hex("0aff")).ok());
  EXPECT_FALSE(peek(Hex("1202")).ok());
  EXPECT_FALSE(peek(Hex("0a02ffff")).ok());
  EXPECT_FALSE(PeekHeader("HTTP/1.1", &header).ok());
  EXPECT_EQ(PeekHeader(std::string("\1\0\0\0\0", 5), &header).status().code(),
            absl::StatusCode::kUnimplemented);
  std::string far =
      relay::FrameHead(1 << 20) + Hex("12ffff3f") + std::string(kMaxPacketHeaderBytes, 'x');
  EXPECT_THAT(Message(PeekHeader(far, &header).status()),
              HasSubstr("within the first 65536 bytes"));
}

TEST(SplitPacket, FindsHeaderAndBodyInPlace) {
  auto view = SplitPacket(kPacket);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->header, kMetadata);
  EXPECT_EQ(view->value, kPairBin);
  EXPECT_EQ(view->key, "");
  auto no_body = SplitPacket(Hex("0a79") + kMetadata);
  ASSERT_TRUE(no_body.ok());
  EXPECT_EQ(no_body->value, "");
  EXPECT_FALSE(SplitPacket(std::string_view(kPacket).substr(0, 150)).ok());
}

TEST(BatchPrefix, MakesTheBatchOfTheSpec) {
  RollSiteHeader header;
  ASSERT_TRUE(header.ParseFromString(kRsh));
  std::string tag = wire::BrokerTag(wire::RollSiteKey(header), header.partitionid());
  EXPECT_EQ(tag, "putBatch-__rsk#s1#n1#t1#guest#9999#host#10000-0");
  EXPECT_EQ(BatchPrefix(1, tag, kRsh, kPairBin.size()) + kPairBin,
            Hex("0a84010801122f") + tag + Hex("2a4f") + kRsh + Hex("1a21") + kPairBin);
}

TEST(Ack, IsTheFirstHeaderWithTheEggsNumber) {
  PacketHeader header;
  ASSERT_TRUE(header.ParseFromString(kMetadata));
  EXPECT_EQ(header.SerializeAsString(), kMetadata);
  header.set_ack(1);
  std::string ack = header.SerializeAsString();
  EXPECT_EQ(ack.size(), 123u);
  EXPECT_EQ(ack, Hex("120d1204393939391a0567756573741a0d120531303030301a04686f7374300138014a4f") +
                     kRsh + Hex("a20605332e322e30"));
}

}  // namespace
}  // namespace fate::rollsite
