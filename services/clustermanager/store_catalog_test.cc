#include "clustermanager/store_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "base/text.h"
#include "clustermanager/messages.h"
#include "clustermanager/schema.h"

namespace fate::clustermanager {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class StoreCatalogTest : public ::testing::Test {
 protected:
  static meta::Store Request(const std::string& name, const std::string& type = "IN_MEMORY",
                             int partitions = 2, const std::string& name_space = "s1") {
    meta::Store store;
    store.mutable_storelocator()->set_id(-1);
    store.mutable_storelocator()->set_store_type(type);
    store.mutable_storelocator()->set_namespace_(name_space);
    store.mutable_storelocator()->set_name(name);
    store.mutable_storelocator()->set_total_partitions(partitions);
    return store;
  }
  meta::Store Create(const meta::Store& request) {
    auto store = catalog_.GetOrCreate(request, nodes_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *store : meta::Store();
  }
  std::vector<std::string> Names(const std::string& name_space) {
    std::vector<std::string> names;
    auto list = catalog_.List(Request("", "", 0, name_space));
    EXPECT_TRUE(list.ok()) << list.status();
    for (const auto& store : list->stores()) names.push_back(store.storelocator().name());
    return names;
  }
  int64_t CountRows(const std::string& sql) {
    return (*database_->Query("select count(*) n from " + sql))[0].Int("n");
  }

  std::unique_ptr<sql::Database> database_ = *OpenDatabase(":memory:");
  StoreCatalog catalog_{database_.get()};
  std::vector<int64_t> nodes_ = {2, 3};
  absl::Time now_ = absl::FromUnixMillis(1724207472123);
};

std::vector<int64_t> NodesOf(const meta::Store& store) {
  std::vector<int64_t> nodes;
  for (const auto& p : store.partitions()) nodes.push_back(p.processor().servernodeid());
  return nodes;
}

// Vectors V10-V13 of spec 21: request and answer, byte by byte.
TEST_F(StoreCatalogTest, V12ACreatedStoreOnTheWire) {
  meta::Store request;
  ASSERT_TRUE(request.ParseFromString(
      *HexDecode("0a1f08ffffffffffffffffff011209494e5f4d454d4f52591a0273312201743001")));
  auto store = catalog_.GetOrCreate(request, {2});
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(HexEncode(store->SerializeAsString()),
            "0a1f08ffffffffffffffffff011209494e5f4d454d4f52591a02733122017430011248121f08ffffffffff"
            "ffffffff011209494e5f4d454d4f52591a02733122017430011a1a100232003a0048ffffffffffffffffff"
            "01520762696e64696e6728ffffffffffffffffff01");
}

// Acceptance case 29.
TEST_F(StoreCatalogTest, PartitionsAlternateBetweenNodesAndStayThere) {
  meta::Store created = Create(Request("t"));
  EXPECT_THAT(NodesOf(created), ElementsAre(2, 3));
  EXPECT_EQ(created.storelocator().id(), -1);
  EXPECT_EQ(created.partitions(1).processor().id(), 1);
  EXPECT_EQ(created.partitions(1).processor().tag(), "binding");
  EXPECT_EQ(created.partitions(1).rankinnode(), -1);
  meta::Store again = Create(Request("t"));
  EXPECT_GT(again.storelocator().id(), 0);
  EXPECT_THAT(NodesOf(again), ElementsAre(2, 3));
  EXPECT_EQ(again.partitions(1).processor().tag(), "");
  EXPECT_EQ(again.partitions(1).processor().pid(), -1);
}

// Acceptance cases 30, 31.
TEST_F(StoreCatalogTest, AnExistingStoreKeepsItsTypeAndNoCountMeansFourANode) {
  Create(Request("t", "IN_MEMORY"));
  EXPECT_EQ(Create(Request("t", "LMDB", 7)).storelocator().store_type(), "IN_MEMORY");
  meta::Store eight = Create(Request("u", "LMDB", 0));
  EXPECT_EQ(eight.partitions_size(), 8);
  EXPECT_EQ(eight.storelocator().total_partitions(), 0);
}

TEST_F(StoreCatalogTest, AClientMayBindPartitionsToNodes) {
  meta::Store request = Request("t", "LMDB", 3);
  request.add_partitions()->mutable_processor()->set_servernodeid(3);
  EXPECT_THAT(NodesOf(Create(request)), ElementsAre(3, 3, 3));
}

// Acceptance cases 32, 33, 37.
TEST_F(StoreCatalogTest, GetLooksAtTypeAndMergesOptions) {
  EXPECT_FALSE(catalog_.Get(Request("t"), nodes_)->has_value());
  meta::Store request = Request("t");
  (*request.mutable_options())["k"] = "v";
  Create(request);
  EXPECT_FALSE(catalog_.Get(Request("t", "LMDB"), nodes_)->has_value());
  (*request.mutable_options())["k"] = "x";
  (*request.mutable_options())["other"] = "o";
  request.mutable_storelocator()->clear_store_type();
  auto store = catalog_.Get(request, nodes_);
  ASSERT_TRUE(store.ok() && *store) << store.status();
  EXPECT_EQ((*store)->options().at("k"), "v");
  EXPECT_EQ((*store)->options().at("other"), "o");
  EXPECT_EQ((*store)->storelocator().store_type(), "IN_MEMORY");
}

// Acceptance case 34; V14.
TEST_F(StoreCatalogTest, ADeletedStoreIsRenamedAndItsNameIsFree) {
  Create(Request("t", "IN_MEMORY", 1));
  auto deleted = catalog_.Delete(Request("t", "IN_MEMORY", 1), now_);
  ASSERT_TRUE(deleted.ok() && *deleted) << deleted.status();
  EXPECT_EQ(HexEncode((*deleted)->SerializeAsString()),
            "0a2d08ffffffffffffffffff011209494e5f4d454d4f52591a027331220f742e3137323432303734373231"
            "32333001");
  EXPECT_FALSE(catalog_.Get(Request("t"), nodes_)->has_value());
  EXPECT_FALSE(catalog_.Delete(Request("t"), now_)->has_value());
  EXPECT_EQ(CountRows("store_locator where status = 'DELETED' and name = 't.1724207472123'"), 1);
  Create(Request("t"));
  auto same_millisecond = catalog_.Delete(Request("t"), now_);
  ASSERT_TRUE(same_millisecond.ok() && *same_millisecond) << same_millisecond.status();
  EXPECT_THAT((*same_millisecond)->storelocator().name(), MatchesRegex("t\\.[0-9]{13}"));
}

// Acceptance case 35 with the meaning of 2.2 (section 20, defect 5).
TEST_F(StoreCatalogTest, AStarDeletesTheNamespaceByType) {
  Create(Request("a", "IN_MEMORY"));
  Create(Request("b", "LMDB"));
  Create(Request("c", "LMDB", 2, "s2"));
  ASSERT_TRUE(catalog_.Delete(Request("*", "LMDB"), now_).ok());
  EXPECT_THAT(Names("s1"), ElementsAre("a"));
  ASSERT_TRUE(catalog_.Delete(Request("*", "*"), now_).ok());
  EXPECT_THAT(Names("s1"), ElementsAre());
  EXPECT_THAT(Names("s2"), ElementsAre("c"));
}

// Acceptance case 36 (section 20, defect 6).
TEST_F(StoreCatalogTest, AListFollowsThePatternAndShowsLivingStoresOnly) {
  for (const char* name : {"a1", "a_2", "b1", "a3"}) Create(Request(name));
  ASSERT_TRUE(catalog_.Delete(Request("a3"), now_).ok());
  auto list = catalog_.List(Request("a*", "LMDB"));
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->stores_size(), 2);
  EXPECT_EQ(list->stores(0).storelocator().name(), "a1");
  EXPECT_EQ(list->stores(0).partitions_size(), 2);
  auto literal = catalog_.List(Request("a_*"));
  ASSERT_EQ(literal->stores_size(), 1);
  EXPECT_EQ(literal->stores(0).storelocator().name(), "a_2");
}

// Section 20, defects 7 and 8.
TEST_F(StoreCatalogTest, WithoutAHealthyNodeNothingIsCreatedNorReturned) {
  auto store = catalog_.GetOrCreate(Request("t"), {});
  EXPECT_THAT(Message(store.status()), HasSubstr("no health server node"));
  EXPECT_EQ(CountRows("store_locator"), 0);
  Create(Request("t"));
  EXPECT_TRUE(catalog_.Get(Request("t"), {3}).ok());
  EXPECT_THAT(Message(catalog_.Get(Request("t"), {}).status()),
              HasSubstr("No valid node for this store: s1/t"));
}

TEST_F(StoreCatalogTest, HostileRequestsAreRefused) {
  auto refused = [&](const meta::Store& request) {
    return Message(catalog_.GetOrCreate(request, nodes_).status());
  };
  EXPECT_THAT(refused(Request("../../etc/passwd")), HasSubstr("../../etc/passwd"));
  EXPECT_THAT(refused(Request("t", "LMDB", 2, "..")), HasSubstr("namespace"));
  EXPECT_THAT(refused(Request("t", "../x")), HasSubstr("store type"));
  EXPECT_THAT(refused(Request("t", "LMDB", 1 << 30)), HasSubstr("partitions"));
  EXPECT_THAT(refused(Request("*")), HasSubstr("cannot be created"));
  EXPECT_FALSE(catalog_.Get(Request("a/b"), nodes_).ok());
  EXPECT_FALSE(catalog_.Delete(Request("a/b"), now_).ok());
}

}  // namespace
}  // namespace fate::clustermanager
