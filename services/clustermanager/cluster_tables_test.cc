#include "clustermanager/cluster_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "clustermanager/schema.h"

namespace fate::clustermanager {
namespace {

namespace meta = com::webank::eggroll::core::meta;
const absl::Time kNow = absl::FromUnixSeconds(1724207472);

class ClusterTablesTest : public ::testing::Test {
 protected:
  static session::Session NewSession() {
    session::Session s{.id = "s1", .name = "n", .tag = "t", .created_at = kNow};
    s.updated_at = kNow;
    s.options = {{"k", "v"}, {session::kEggsPerNodeOption, "2"}};
    for (int64_t id : {5, 6}) {
      s.processors.push_back(
          {.id = id, .node_id = 2, .command = {"10.0.0.5", 0}, .updated_at = kNow});
    }
    return s;
  }
  void Put(const session::SaveSession& save) {
    auto status = database_->Transaction([&](sql::Database& db) { return Save(db, save); });
    ASSERT_TRUE(status.ok()) << status;
  }
  session::Session Load(const std::string& id) {
    auto session = LoadSession(*database_, id);
    EXPECT_TRUE(session.ok() && *session) << session.status();
    return session.ok() && *session ? **session : session::Session();
  }

  std::unique_ptr<sql::Database> database_ = *OpenDatabase(":memory:");
};

TEST_F(ClusterTablesTest, ASessionComesBackAsItWasSaved) {
  Put({.session = NewSession(), .created = true});
  session::Session s = Load("s1");
  EXPECT_EQ(s.status, session::SessionStatus::kNew);
  EXPECT_EQ(s.name, "n");
  EXPECT_EQ(s.tag, "t");
  EXPECT_EQ(s.options, NewSession().options);
  EXPECT_EQ(s.created_at, kNow);
  EXPECT_EQ(s.before_status, std::nullopt);
  ASSERT_EQ(s.processors.size(), 2u);
  EXPECT_EQ(s.processors[0].id, 5);
  EXPECT_EQ(s.processors[1].command, (session::Endpoint{"10.0.0.5", 0}));
  EXPECT_EQ(s.processors[1].pid, -1);
  EXPECT_EQ(*SessionOfProcessor(*database_, 6), "s1");
  EXPECT_EQ(*SessionOfProcessor(*database_, 7), "");
  auto counts = *database_->Query("select total_proc_count, active_proc_count from session_main");
  EXPECT_EQ(counts[0].Int("total_proc_count"), 2);
  EXPECT_EQ(counts[0].Int("active_proc_count"), 0);
}

TEST_F(ClusterTablesTest, OnlyChangedProcessorsAreWrittenAndTheEndHasItsReason) {
  session::Session s = NewSession();
  Put({.session = s, .created = true});
  for (auto& p : s.processors) p.status = session::ProcessorStatus::kRunning;
  s.processors[0].command = s.processors[0].transfer = {"10.0.0.5", 40001};
  s.processors[0].pid = 99;
  s.active_count = 1;
  Put({.session = s, .processors = {5}});
  EXPECT_EQ(Load("s1").processors[0].pid, 99);
  EXPECT_EQ(Load("s1").processors[1].status, session::ProcessorStatus::kNew);
  EXPECT_EQ(LoadLiveSessions(*database_)->size(), 1u);

  s.status = session::SessionStatus::kError;
  s.before_status = session::SessionStatus::kActive;
  s.status_reason = "PROCESS_ERROR";
  s.options[session::kSessionDetailOption] = "egg_pair-5 was killed by signal 9";
  Put({.session = s, .processors = {5, 6}});
  session::Session loaded = Load("s1");
  EXPECT_EQ(loaded.status_reason, "PROCESS_ERROR");
  EXPECT_EQ(loaded.before_status, session::SessionStatus::kActive);
  EXPECT_EQ(loaded.options.at(session::kSessionDetailOption), "egg_pair-5 was killed by signal 9");
  EXPECT_TRUE(LoadLiveSessions(*database_)->empty());
}

// spec 6.1: the manager's row uses up an id at every start.
TEST_F(ClusterTablesTest, IdsAreNeverGivenTwice) {
  EXPECT_EQ(*ReplaceManagerRow(*database_, "127.0.0.1", 4670, kNow), 1);
  EXPECT_EQ(*ReplaceManagerRow(*database_, "127.0.0.1", 4670, kNow), 2);
  Put({.session = NewSession(), .created = true});
  auto ids = *ReadNextIds(*database_, 2);
  EXPECT_EQ(ids.node, 3);
  EXPECT_EQ(ids.processor, 7);
  EXPECT_EQ(ids.manager, 2);
}

// spec 6.3: totals are refreshed, what is held stays, what is gone goes.
TEST_F(ClusterTablesTest, NodesKeepTheirResources) {
  session::Node node{.id = 2,
                     .endpoint = {"10.0.0.5", 4671},
                     .status = session::NodeStatus::kHealthy,
                     .last_heartbeat = kNow};
  node.resources = {{.type = "VCPU_CORE", .total = 8, .used = 1},
                    {.type = "VGPU_CORE", .total = 1}};
  ASSERT_TRUE(Save(*database_, session::SaveNode{node, true}, kNow).ok());
  ASSERT_TRUE(database_->Execute("update node_resource set allocated = 3").ok());
  node.resources = {{.type = "VCPU_CORE", .total = 16, .used = 2}};
  node.status = session::NodeStatus::kLoss;
  ASSERT_TRUE(Save(*database_, session::SaveNode{node, true}, kNow).ok());
  auto nodes = LoadNodes(*database_);
  ASSERT_TRUE(nodes.ok() && nodes->size() == 1) << nodes.status();
  EXPECT_EQ((*nodes)[0].status, session::NodeStatus::kLoss);
  ASSERT_EQ((*nodes)[0].resources.size(), 1u);
  EXPECT_EQ((*nodes)[0].resources[0].total, 16);
  EXPECT_EQ((*nodes)[0].resources[0].allocated, 3);
  EXPECT_EQ((*nodes)[0].resources[0].Free(), 13);
}

// spec 3.1
TEST_F(ClusterTablesTest, ServerNodesAreFoundByExample) {
  ASSERT_TRUE(ReplaceManagerRow(*database_, "127.0.0.1", 4670, kNow).ok());
  for (int64_t id : {2, 3}) {
    session::Node node{.id = id,
                       .endpoint = {"10.0.0.5", 4669 + static_cast<int>(id)},
                       .status = session::NodeStatus::kHealthy,
                       .last_heartbeat = kNow};
    ASSERT_TRUE(Save(*database_, session::SaveNode{node}, kNow).ok());
  }
  meta::ServerNode example;
  example.set_id(-1);
  example.set_nodetype("NODE_MANAGER");
  example.set_status("HEALTHY");
  auto found = FindServerNode(*database_, example);
  ASSERT_TRUE(found.ok() && *found) << found.status();
  EXPECT_EQ((*found)->id(), 2);
  EXPECT_EQ((*found)->endpoint().port(), 4671);
  example.mutable_endpoint()->set_port(4672);
  EXPECT_EQ((*FindServerNode(*database_, example))->id(), 3);
  example.set_clusterid(7);
  EXPECT_FALSE(FindServerNode(*database_, example)->has_value());
}

}  // namespace
}  // namespace fate::clustermanager
