// The clustermanager in this process, with a nodemanager that the test plays.
#include "clustermanager/cluster_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <mutex>
#include <set>

#include "base/status.h"
#include "base/text.h"
#include "clustermanager/messages.h"
#include "clustermanager/schema.h"
#include "clustermanager/test_support.h"
#include "eggroll/command.grpc.pb.h"
#include "http/client.h"
#include "rpc/channel.h"
#include "session/commands.h"

namespace fate::clustermanager {
namespace {

namespace commands = session::commands;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Takes startContainers and the like, and beats for itself and its eggs when told to.
class PlayedNode {
 public:
  explicit PlayedNode(std::string manager) : manager_(std::move(manager)) {
    Take(commands::kStartContainers, started_);
    Take(commands::kStopContainers, stopped_);
    Take(commands::kKillContainers, killed_);
    service_.Register(commands::kCheckNodeProcess, [this](const auto& call, auto respond) {
      meta::Processor processor;
      processor.ParseFromString(call.argument);
      std::lock_guard lock(mutex_);
      processor.set_status(dead_.contains(processor.pid()) ? "KILLED" : "RUNNING");
      respond(processor.SerializeAsString());
    });
    server_ = *rpc::Server::Start("127.0.0.1", 0, {service_.service()});
  }

  meta::NodeHeartbeat Beat(const std::string& status, int64_t id = -1) {
    meta::NodeHeartbeat beat;
    beat.set_id(++sequence_);
    beat.mutable_node()->set_id(id);
    beat.mutable_node()->mutable_endpoint()->set_host("127.0.0.1");
    beat.mutable_node()->mutable_endpoint()->set_port(server_->port());
    beat.mutable_node()->set_nodetype("NODE_MANAGER");
    beat.mutable_node()->set_status(status);
    auto* cores = beat.mutable_node()->add_resources();
    cores->set_type("VCPU_CORE");
    cores->set_total(8);
    auto answer = client_.Call<meta::NodeHeartbeat>(manager_, commands::kNodeHeartbeat, beat,
                                                    absl::Seconds(5));
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : meta::NodeHeartbeat();
  }

  absl::StatusOr<meta::Processor> EggBeats(int64_t id, const std::string& status,
                                           const std::string& detail = "") {
    meta::Processor egg;
    egg.set_id(id);
    egg.set_status(status);
    egg.set_pid(static_cast<int>(1000 + id));
    for (auto* endpoint : {egg.mutable_commandendpoint(), egg.mutable_transferendpoint()}) {
      endpoint->set_host("127.0.0.1");
      endpoint->set_port(static_cast<int>(40000 + id));
    }
    if (!detail.empty()) (*egg.mutable_options())[session::kProcessorDetailOption] = detail;
    return client_.Call<meta::Processor>(manager_, commands::kSessionHeartbeat, egg,
                                         absl::Seconds(5));
  }

  // Waits for the order and lets all its eggs beat.
  void StartEggs(const std::string& session) {
    meta::SessionMeta order = WaitForOrder(started_, session);
    for (const auto& egg : order.processors()) ASSERT_TRUE(EggBeats(egg.id(), "RUNNING").ok());
  }
  meta::SessionMeta WaitForStart(const std::string& session) {
    return WaitForOrder(started_, session);
  }
  meta::SessionMeta WaitForStop(const std::string& session) {
    return WaitForOrder(stopped_, session);
  }
  int port() const { return server_->port(); }
  size_t Starts() {
    std::lock_guard lock(mutex_);
    return started_.size();
  }
  void Die(int pid) {
    std::lock_guard lock(mutex_);
    dead_.insert(pid);
  }

 private:
  using Orders = std::vector<meta::SessionMeta>;
  void Take(const char* uri, Orders& orders) {
    service_.Register(uri, [this, &orders](const rpc::CommandCall& call, rpc::Respond respond) {
      meta::SessionMeta order;
      order.ParseFromString(call.argument);
      {
        std::lock_guard lock(mutex_);
        orders.push_back(order);
      }
      respond(call.argument);
    });
  }
  meta::SessionMeta WaitForOrder(const Orders& orders, const std::string& session) {
    meta::SessionMeta found;
    EXPECT_TRUE(fate::testing::WaitFor([&] {
      std::lock_guard lock(mutex_);
      for (const auto& order : orders) {
        if (order.id() == session) found = order;
      }
      return !found.id().empty();
    })) << session;
    return found;
  }

  std::string manager_;
  std::mutex mutex_;
  Orders started_, stopped_, killed_;
  std::set<int> dead_;
  uint64_t sequence_ = 0;
  rpc::CommandClient client_;
  rpc::CommandService service_{rpc::ErrorStyle::kManager};
  std::unique_ptr<rpc::Server> server_;
};

class ClusterManagerTest : public ::testing::Test {
 protected:
  using Answer = absl::StatusOr<meta::SessionMeta>;

  void Start() {
    auto manager = ClusterManager::Start(files_.config());
    ASSERT_TRUE(manager.ok()) << manager.status();
    manager_ = *std::move(manager);
  }
  void SetUp() override { Start(); }

  Answer Call(const char* uri, const std::string& id,
              const std::map<std::string, std::string>& options = {}) {
    meta::SessionMeta request;
    request.set_id(id);
    request.set_status("NEW");
    request.mutable_options()->insert(options.begin(), options.end());
    return client_.Call<meta::SessionMeta>(files_.manager(), uri, request, absl::Seconds(30));
  }
  std::future<Answer> Later(const char* uri, const std::string& id) {
    return std::async(std::launch::async, [this, uri, id] { return Call(uri, id); });
  }
  // An ACTIVE session of two eggs.
  meta::SessionMeta Open(const std::string& id) {
    auto opened = Later(commands::kGetOrCreateSession, id);
    node_.StartEggs(id);
    Answer answer = opened.get();
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : meta::SessionMeta();
  }
  absl::StatusOr<std::string> Raw(const std::string& uri, const std::string& argument) {
    return client_.Call(files_.manager(), uri, argument, absl::Seconds(5));
  }
  std::string Cell(const std::string& sql) {
    auto database = *sql::Database::OpenSqlite(files_.database());
    auto rows = *database->Query(sql);
    return rows.empty() ? "no row" : rows[0].Text(rows[0].columns()[0]);
  }

  fate::testing::PartyFiles files_{
      "eggroll.session.processors.per.node=2\neggroll.session.start.timeout.ms=2000\n"};
  rpc::CommandClient client_;
  std::unique_ptr<daemon::Running> manager_;
  PlayedNode node_{files_.manager()};
};

// Acceptance cases 1, 3, 4, 40, 42.
TEST_F(ClusterManagerTest, UnknownCommandsAndStubsAnswerAsDocumented) {
  EXPECT_THAT(Message(Raw("v1/x", "").status()), HasSubstr("invalid request : v1/x"));
  EXPECT_THAT(Message(Raw("v1/cluster-manager/session/registerSession", "").status()),
              HasSubstr("invalid request : v1/cluster-manager/session/registerSession"));
  EXPECT_EQ(*Raw(commands::kGetServerNodes, ""), "");
  EXPECT_THAT(Message(Raw("v1/cluster-manager/job/submitJob", "").status()),
              HasSubstr("DeepSpeed"));
  auto info = client_.Call<meta::MetaInfoResponse>(files_.manager(), commands::kNodeMetaInfo,
                                                   meta::MetaInfoRequest(), absl::Seconds(5));
  EXPECT_EQ(info->metamap().at("eggroll.resourcemanager.clustermanager.port"),
            std::to_string(files_.manager_port));
  EXPECT_THAT(Message(Raw(commands::kGetSession, "\xff\xff").status()), HasSubstr("SessionMeta"));
}

// Acceptance cases 5, 9.
TEST_F(ClusterManagerTest, WithoutANodeASessionFailsAtOnceAndLeavesNoRow) {
  Answer answer = Call(commands::kGetOrCreateSession, "s1");
  EXPECT_THAT(Message(answer.status()), HasSubstr("no health server node"));
  EXPECT_EQ(Cell("select count(*) from session_main"), "0");
  int64_t id = node_.Beat("INIT").node().id();
  EXPECT_EQ(id, 2);  // the manager's own row is 1 (spec 6.1)
  EXPECT_EQ(node_.Beat("HEALTHY").node().id(), id);
}

// Acceptance cases 10, 12, 13.
TEST_F(ClusterManagerTest, ASessionIsSharedByItsCreators) {
  node_.Beat("HEALTHY");
  auto first = Later(commands::kGetOrCreateSession, "s1");
  auto reader = Later(commands::kGetSession, "s1");
  node_.WaitForStart("s1");
  auto second = Later(commands::kGetOrCreateSession, "s1");
  node_.StartEggs("s1");
  Answer a = first.get(), b = second.get(), c = reader.get();
  ASSERT_TRUE(a.ok() && b.ok() && c.ok()) << a.status() << b.status() << c.status();
  EXPECT_EQ(a->status(), "ACTIVE");
  ASSERT_EQ(a->processors_size(), 2);
  EXPECT_EQ(a->processors(0).id() + 1, a->processors(1).id());
  EXPECT_EQ(a->processors(1).pid(), 1000 + a->processors(1).id());
  EXPECT_EQ(a->SerializeAsString(), b->SerializeAsString());
  EXPECT_EQ(a->SerializeAsString(), c->SerializeAsString());
  EXPECT_EQ(node_.Starts(), 1u);
  EXPECT_EQ(Cell("select total_proc_count || active_proc_count from session_main"), "22");
}

TEST_F(ClusterManagerTest, OptionsAreEchoedAndDecideTheNumberOfEggs) {
  node_.Beat("HEALTHY");
  auto opened = std::async(std::launch::async, [this] {
    return Call(commands::kGetOrCreateSession, "s1",
                {{session::kEggsPerNodeOption, "3"}, {"k", "v"}});
  });
  node_.StartEggs("s1");
  Answer answer = opened.get();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->processors_size(), 3);
  EXPECT_EQ(answer->options().at("k"), "v");
}

// Acceptance case 14.
TEST_F(ClusterManagerTest, EggsThatNeverStartEndTheSessionAfterTheTimeout) {
  node_.Beat("HEALTHY");
  absl::Time start = absl::Now();
  Answer answer = Call(commands::kGetOrCreateSession, "s1");
  EXPECT_GE(absl::Now() - start, absl::Seconds(2));
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  EXPECT_THAT(Message(answer.status()),
              AllOf(HasSubstr("unable to start all processors for session id: . s1total "
                              "processors:2 \nstarted count:0 "),
                    HasSubstr("not heard of within 2s")));
  EXPECT_EQ(Cell("select status || status_reason from session_main"), "KILLEDPROCESS_ERROR");
  node_.WaitForStop("s1");
}

TEST_F(ClusterManagerTest, ANodeThatCannotBeReachedFailsTheSessionWithItsAddress) {
  {
    PlayedNode other(files_.manager());
    other.Beat("HEALTHY");
  }
  Answer answer = Call(commands::kGetOrCreateSession, "s1");
  EXPECT_THAT(Message(answer.status()),
              AllOf(HasSubstr("unable to start all processors"), HasSubstr("127.0.0.1:")));
}

// Acceptance cases 15-18.
TEST_F(ClusterManagerTest, AStoppedSessionStaysStopped) {
  node_.Beat("HEALTHY");
  Open("s1");
  Answer stopped = Call(commands::kStopSession, "s1");
  ASSERT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_EQ(stopped->status(), "KILLED");
  EXPECT_EQ(stopped->processors(0).status(), "KILLED");
  EXPECT_EQ(stopped->options_size(), 0);
  EXPECT_EQ(node_.WaitForStop("s1").processors_size(), 2);
  EXPECT_EQ(Cell("select status || before_status || status_reason from session_main"),
            "KILLEDACTIVEAPI");
  EXPECT_EQ(Call(commands::kStopSession, "s1")->status(), "NEW");  // an echo
  EXPECT_EQ(Call(commands::kKillSession, "unknown")->status(), "NEW");
  EXPECT_EQ(Call(commands::kGetOrCreateSession, "s1")->status(), "KILLED");
  Open("s2");
  Open("s3");
  EXPECT_EQ(*Raw(commands::kKillAllSessions, ""), "");
  EXPECT_EQ(Cell("select count(*) from session_main where status = 'KILLED'"), "3");
}

// Acceptance cases 19, 22, with the native report of a dead egg.
TEST_F(ClusterManagerTest, ADeadEggEndsItsSessionAtOnceWithTheReason) {
  node_.Beat("HEALTHY");
  meta::SessionMeta session = Open("s1");
  int64_t egg = session.processors(1).id();
  EXPECT_EQ(node_.EggBeats(egg, "RUNNING")->processortype(), "egg_pair");
  ASSERT_TRUE(node_.EggBeats(egg, "ERROR", "egg_pair was killed by signal 9").ok());
  node_.WaitForStop("s1");
  Answer answer = Call(commands::kGetOrCreateSession, "s1");
  EXPECT_EQ(answer->status(), "ERROR");
  EXPECT_EQ(answer->options().at(session::kSessionDetailOption), "egg_pair was killed by signal 9");
  EXPECT_EQ(
      Cell("select status from session_processor where processor_id = " + std::to_string(egg)),
      "ERROR");
  EXPECT_TRUE(node_.EggBeats(4711, "RUNNING").ok());
}

// Sessions survive a restart of the manager when their eggs do.
TEST_F(ClusterManagerTest, ARestartKeepsSessionsWhoseEggsLive) {
  node_.Beat("HEALTHY");
  meta::SessionMeta alive = Open("alive");
  meta::SessionMeta dead = Open("dead");
  auto starting = Later(commands::kGetOrCreateSession, "starting");
  node_.WaitForStart("starting");
  manager_.reset();
  EXPECT_THAT(Message(starting.get().status()), HasSubstr("stopping"));
  node_.Die(dead.processors(0).pid());
  Start();
  node_.WaitForStop("starting");
  node_.WaitForStop("dead");
  EXPECT_EQ(Call(commands::kGetOrCreateSession, "alive")->SerializeAsString(),
            alive.SerializeAsString());
  EXPECT_EQ(Call(commands::kGetOrCreateSession, "dead")->status(), "ERROR");
  EXPECT_THAT(
      Call(commands::kGetOrCreateSession, "dead")->options().at(session::kSessionDetailOption),
      HasSubstr("no longer exists"));
  EXPECT_EQ(Call(commands::kGetOrCreateSession, "starting")->status(), "KILLED");
  EXPECT_GT(Open("next").processors(0).id(), dead.processors(1).id());
}

TEST_F(ClusterManagerTest, HostileNamesAreRefused) {
  node_.Beat("HEALTHY");
  for (const char* uri : {commands::kGetOrCreateSession, commands::kGetSession}) {
    EXPECT_THAT(Message(Call(uri, "../../etc").status()), HasSubstr("session id '../../etc'"));
  }
  meta::Store store;
  store.mutable_storelocator()->set_namespace_("../x");
  store.mutable_storelocator()->set_name("n");
  store.mutable_storelocator()->set_store_type("LMDB");
  EXPECT_THAT(Message(Raw(commands::kGetOrCreateStore, store.SerializeAsString()).status()),
              HasSubstr("namespace '../x'"));
  EXPECT_EQ(Cell("select count(*) from session_main"), "0");
}

// Acceptance cases 29, 39, 44.
TEST_F(ClusterManagerTest, StoresAndResourcesFollowTheNodes) {
  node_.Beat("HEALTHY");
  auto created =
      Raw(commands::kGetOrCreateStore,
          *HexDecode("0a1f08ffffffffffffffffff011209494e5f4d454d4f52591a0273312201743001"));
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_THAT(HexEncode(*created), HasSubstr("520762696e64696e67"));
  meta::CheckResourceEnoughRequest request;
  request.set_resource_type("VCPU_CORE");
  request.set_check_type("clusterCheck");
  request.set_required_resource_count(8);
  auto enough = [&] {
    return client_.Call<meta::CheckResourceEnoughResponse>(
        files_.manager(), commands::kQueryClusterResource, request, absl::Seconds(5));
  };
  EXPECT_TRUE(enough()->is_enough());
  EXPECT_EQ(enough()->clusterinfo().servernodes_size(), 1);
  request.set_required_resource_count(9);
  EXPECT_FALSE(enough()->is_enough());
  meta::Store big;
  big.mutable_storelocator()->set_namespace_("s1");
  big.mutable_storelocator()->set_name(std::string(16 << 20, 'x'));
  EXPECT_THAT(Message(Raw(commands::kGetStore, big.SerializeAsString()).status()),
              HasSubstr("bytes; at most"));
}

// spec/deployment.md 10.6: nodes that operators inserted by SQL are not registered twice.
TEST_F(ClusterManagerTest, ANodeInsertedBySqlKeepsItsRow) {
  manager_.reset();
  auto database = *OpenDatabase(files_.database());
  ASSERT_TRUE(database
                  ->Execute("insert into server_node(server_node_id, host, port, node_type, "
                            "status) values(40, '127.0.0.1', ?, 'NODE_MANAGER', 'HEALTHY')",
                            {node_.port()})
                  .ok());
  Start();
  EXPECT_EQ(node_.Beat("INIT").node().id(), 40);
  EXPECT_EQ(Cell("select count(*) from server_node where node_type = 'NODE_MANAGER'"), "1");
}

// What cannot be stored does not happen.
TEST_F(ClusterManagerTest, AFailedTransactionIsToldAndStartsNothing) {
  node_.Beat("HEALTHY");
  auto database = *OpenDatabase(files_.database());
  ASSERT_TRUE(database->Execute("alter table session_processor rename to hidden").ok());
  EXPECT_THAT(Message(Call(commands::kGetOrCreateSession, "s1").status()),
              AllOf(HasSubstr("cannot store its state"), HasSubstr("session_processor")));
  EXPECT_EQ(Cell("select count(*) from session_main"), "0");
  ASSERT_TRUE(database->Execute("alter table hidden rename to session_processor").ok());
  EXPECT_EQ(node_.Starts(), 0u);
  EXPECT_EQ(Open("s1").status(), "ACTIVE");
}

// Acceptance case 2.
TEST_F(ClusterManagerTest, StreamsAreNotServed) {
  using com::webank::eggroll::core::command::CommandRequest;
  using com::webank::eggroll::core::command::CommandService;
  auto stub = CommandService::NewStub(rpc::ChannelTo(files_.manager()));
  grpc::ClientContext context;
  EXPECT_EQ(stub->callStream(&context)->Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ClusterManagerTest, HealthAndFiguresAreServed) {
  std::string admin = "http://127.0.0.1:" + std::to_string(files_.manager_admin_port);
  auto health = http::Fetch({.url = admin + "/healthz"});
  ASSERT_TRUE(health.ok()) << health.status();
  EXPECT_EQ(health->status, 200);
  auto figures = http::Fetch({.url = admin + "/metrics"});
  EXPECT_THAT(figures->body, HasSubstr("clustermanager_sessions"));
}

TEST(ClusterManagerConfigTest, MistakesAreNamedWithTheirPlace) {
  fate::testing::PartyFiles files("eggroll.session.processors.per.node=none\n");
  EXPECT_THAT(Message(ClusterManager::Check(files.config())),
              AllOf(HasSubstr("eggroll.properties:11"), HasSubstr("'none'")));
  EXPECT_TRUE(ClusterManager::Check(fate::testing::PartyFiles().config()).ok());
}

}  // namespace
}  // namespace fate::clustermanager
