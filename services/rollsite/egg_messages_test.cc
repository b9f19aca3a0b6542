// What eggs of eggroll 2.x are asked: spec/rollsite.md 6.3, spec/eggroll-compute-and-storage.md
// 19.1. What those of 3.x are asked is in egg_sink_test.cc.
#include "rollsite/egg_messages.h"

#include "rollsite/egg_stub.h"
#include "rollsite/raw_calls.h"

namespace fate::rollsite {
namespace {

using com::webank::eggroll::core::meta::Partition;
using google::protobuf::UnknownFieldSet;
using ::testing::ElementsAre;

std::vector<std::string> Values(const UnknownFieldSet& fields, int number) {
  std::vector<std::string> values;
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i).number() == number) values.push_back(fields.field(i).length_delimited());
  }
  return values;
}

std::vector<std::string> Values(const std::string& bytes, int number) {
  UnknownFieldSet fields;
  EXPECT_TRUE(fields.ParseFromString(bytes));
  return Values(fields, number);
}

// A field that 2.x has under this number as bytes or text, and 3.x with another type.
template <class Message>
std::vector<std::string> OldField(const Message& message, int number) {
  return Values(message.GetReflection()->GetUnknownFields(message), number);
}

RollSiteHeader HelloHeader() {
  RollSiteHeader header;
  header.ParseFromString(kRsh);
  return header;
}

// Made with eggroll 2.5.3's own classes.
TEST(EggMessages, TheStoreOfEggroll2IsItsOwnByteForByte) {
  RollSiteHeader header = HelloHeader();
  Store store = PushedStore(header, EggrollVersion::k2);
  store.clear_options();  // a map has no order
  EXPECT_EQ(
      HexEncode(store.SerializeAsString()),
      "0a4a12044c4d44421a02733122245f5f72736b237331236e31237431236775657374233939393923686f7374"
      "23313030303030013a0f42595445535452494e475f484153484205454d505459");
}

TEST(EggMessages, TablesOfEggroll2KeepTheSerdesOfTheirHeader) {
  RollSiteHeader header = HelloHeader();
  header.set_datatype("rollpair");
  EXPECT_THAT(OldField(PushedStore(header, EggrollVersion::k2).storelocator(), 8),
              ElementsAre("PICKLE"));
  (*header.mutable_options())["serdes"] = "CLOUD_PICKLE";
  Store store = PushedStore(header, EggrollVersion::k2);
  EXPECT_THAT(OldField(store.storelocator(), 8), ElementsAre("CLOUD_PICKLE"));
  EXPECT_EQ(store.options().at("serdes"), "CLOUD_PICKLE");
  EXPECT_EQ(store.options().at("store_type"), "LMDB");
}

TEST(EggMessages, AnEggOfEggroll2GetsItsTask) {
  FakeEgg egg(0, "v1/egg-pair/runTask");
  FakeManager manager(egg.server_->port());
  Site site("127.0.0.23", "10000", R"({"route_table": {}, "self_party": ["10000"]})",
            {"127.0.0.27", manager.server_->port()},
            [](Config* config) { config->eggs.version = EggrollVersion::k2; });
  const auto ack = CallBytes(site.channel(),
                             "/" + std::string(DataTransferService::service_full_name()) + "/push",
                             Hello().SerializeAsString());
  ASSERT_TRUE(ack.ok()) << ack.status();
  ASSERT_EQ(egg.batches().size(), 1u);
  EXPECT_EQ(egg.batches()[0].data(), kPairBin);
  ASSERT_EQ(manager.stores().size(), 1u);
  EXPECT_EQ(manager.stores()[0].storelocator().store_type(), "LMDB");

  ASSERT_EQ(egg.task_bytes().size(), 1u);
  const std::string task = egg.task_bytes()[0];
  EXPECT_THAT(Values(task, 1), ElementsAre("putBatch-__rsk#s1#n1#t1#guest#9999#host#10000-0"));
  Partition output;
  ASSERT_TRUE(output.ParseFromString(Values(task, 4).at(0)));
  EXPECT_EQ(output.processor().id(), 7);
  EXPECT_THAT(OldField(output.storelocator(), 7), ElementsAre("BYTESTRING_HASH"));
  for (int field : {3, 4}) {  // the job's inputs and outputs
    Store store;
    const auto stores = Values(Values(task, 5).at(0), field);
    ASSERT_EQ(stores.size(), 1u) << field;
    ASSERT_TRUE(store.ParseFromString(stores[0])) << "JobIO is of eggroll 3";
    EXPECT_EQ(store.storelocator().name(), "__rsk#s1#n1#t1#guest#9999#host#10000");
    EXPECT_THAT(OldField(store.storelocator(), 8), ElementsAre("EMPTY"));
    EXPECT_EQ(store.partitions(0).processor().id(), 7);
  }
}

}  // namespace
}  // namespace fate::rollsite
