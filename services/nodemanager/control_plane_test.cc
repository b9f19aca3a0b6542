// Real clustermanager and nodemanager processes with a played egg: acceptance cases of
// spec/eggroll-control-plane.md, and what happens when one of them is killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <sstream>

#include "base/status.h"
#include "base/text.h"
#include "clustermanager/test_support.h"
#include "eggroll/meta.pb.h"
#include "http/client.h"
#include "nodemanager/egg_command.h"
#include "nodemanager/process_table.h"
#include "rpc/command.h"
#include "session/commands.h"
#include "session/model.h"
#include "sql/database.h"

extern char** environ;

namespace fate {
namespace {

namespace commands = session::commands;
namespace meta = com::webank::eggroll::core::meta;
using nodemanager::IsAlive;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::WaitFor;

// One running program; ended with the object.
class Daemon {
 public:
  Daemon(const std::string& program, const std::string& config, const std::string& log) {
    std::string path = nodemanager::OwnFolder() + "/../bin/" + program;
    std::vector<std::string> words = {path, "--config", config, "--log-file", log};
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    if (posix_spawn(&pid_, path.c_str(), nullptr, nullptr, arguments.data(), environ) != 0) {
      ADD_FAILURE() << "cannot start " << path;
    }
  }
  ~Daemon() { End(SIGKILL); }
  // The exit status; -1 when it had ended before.
  int End(int signal) {
    if (pid_ <= 0) return -1;
    kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

class ControlPlaneTest : public ::testing::Test {
 protected:
  using Answer = absl::StatusOr<meta::SessionMeta>;

  static std::string Lines(const std::string& egg) {
    return "eggroll.session.processors.per.node=4\n"
           "eggroll.session.start.timeout.ms=5000\n"
           "eggroll.session.kill.gracefully_wait.sec=0.3\n"
           "eggroll.resourcemanager.nodemanager.heartbeat.interval=500\n"
           "eggroll.resourcemanager.bootstrap.egg_pair.exepath=" +
           egg + "\n";
  }
  static std::string FakeEgg() { return nodemanager::OwnFolder() + "/fake_egg"; }

  void StartManager() {
    manager_ = std::make_unique<Daemon>("clustermanager", files_->config(),
                                        files_->path() + "/clustermanager.log");
  }
  void StartNode() {
    node_ = std::make_unique<Daemon>("nodemanager", files_->config(),
                                     files_->path() + "/nodemanager.log");
  }
  bool Healthy(int admin_port) {
    auto answer = http::Fetch({.url = fmt::format("http://127.0.0.1:{}/healthz", admin_port),
                               .timeout = absl::Seconds(2)});
    return answer.ok() && answer->status == 200;
  }
  void WaitUntilHealthy() {
    ASSERT_TRUE(WaitFor([&] {
      return Healthy(files_->manager_admin_port) && Healthy(files_->node_admin_port);
    })) << Logs();
  }
  void StartBoth(const std::string& egg = FakeEgg()) {
    files_ = std::make_unique<testing::PartyFiles>(Lines(egg));
    StartManager();
    StartNode();
    WaitUntilHealthy();
  }
  // A script like upstream's: the egg goes to the background, the shell ends.
  void StartBothWithScript(const std::string& path) {
    files_ = std::make_unique<testing::PartyFiles>(Lines(path));
    std::ofstream(path) << FakeEgg() << " \"$@\" --node-manager " << files_->node_port << " &\n";
    StartManager();
    StartNode();
    WaitUntilHealthy();
  }
  void TearDown() override {
    node_.reset();
    manager_.reset();
    if (HasFailure()) std::fprintf(stderr, "%s", Logs().c_str());
  }
  std::string Read(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::string Logs() {
    return Read(files_->path() + "/clustermanager.log") + Read(files_->path() + "/nodemanager.log");
  }

  Answer Call(const std::string& endpoint, const char* uri, const std::string& id) {
    meta::SessionMeta request;
    request.set_id(id);
    return client_.Call<meta::SessionMeta>(endpoint, uri, request, absl::Seconds(20));
  }
  Answer Create(const std::string& id) {
    return Call(files_->manager(), commands::kGetOrCreateSession, id);
  }
  Answer Stop(const std::string& id) { return Call(files_->manager(), commands::kStopSession, id); }
  meta::SessionMeta Open(const std::string& id) {
    Answer answer = Create(id);
    EXPECT_TRUE(answer.ok()) << answer.status();
    if (!answer.ok()) return {};
    EXPECT_EQ(answer->status(), "ACTIVE");
    return *answer;
  }
  static bool AllGone(const meta::SessionMeta& session) {
    return std::none_of(session.processors().begin(), session.processors().end(),
                        [](const auto& egg) { return IsAlive(egg.pid()); });
  }
  bool Becomes(const std::string& id, const std::string& status) {
    return WaitFor([&] {
      auto answer = Create(id);
      return answer.ok() && answer->status() == status;
    });
  }
  std::string DetailOf(const std::string& id) {
    auto answer = Create(id);
    return answer.ok() ? answer->options().at(session::kSessionDetailOption) : "";
  }
  std::string Cell(const std::string& sql) {
    auto database = sql::Database::OpenSqlite(files_->database());
    auto rows = (*database)->Query(sql);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows->empty() ? "no row" : (*rows)[0].Text((*rows)[0].columns()[0]);
  }

  std::unique_ptr<testing::PartyFiles> files_;
  std::unique_ptr<Daemon> manager_, node_;
  rpc::CommandClient client_;
};

// Acceptance cases 10, 15, 23, 26.
TEST_F(ControlPlaneTest, ASessionOfFourEggsStartsAtOnceAndEndsWithoutARest) {
  StartBoth();
  absl::Time start = absl::Now();
  meta::SessionMeta session = Open("s1");
  absl::Duration took = absl::Now() - start;
  RecordProperty("session_start_ms", static_cast<int>(absl::ToInt64Milliseconds(took)));
  EXPECT_LT(took, absl::Milliseconds(500));
  ASSERT_EQ(session.processors_size(), 4);
  std::string folder = files_->path() + "/logs/s1/";
  for (const auto& egg : session.processors()) {
    EXPECT_TRUE(IsAlive(egg.pid()));
    EXPECT_EQ(egg.commandendpoint().host(), "127.0.0.1");  // the egg said localhost
    EXPECT_EQ(egg.transferendpoint().port(), 50000 + egg.id());
    std::string line = Read("/proc/" + std::to_string(egg.pid()) + "/cmdline");
    std::replace(line.begin(), line.end(), '\0', ' ');
    EXPECT_THAT(line, AllOf(HasSubstr("--session-id s1 "), HasSubstr("--server-node-id 2 "),
                            HasSubstr(fmt::format("--processor-id {} ", egg.id()))));
    EXPECT_THAT(Read(folder + "pid.txt"),
                HasSubstr(fmt::format("egg_pair processor id:{}, os process id:{}\n", egg.id(),
                                      egg.pid())));
    for (const char* file : {"egg_pair-{}.out", "egg_pair-{}.err", "bootstrap-egg_pair-{}.out",
                             "bootstrap-egg_pair-{}.err"}) {
      EXPECT_EQ(access((folder + fmt::format(fmt::runtime(file), egg.id())).c_str(), R_OK), 0)
          << file;
    }
  }
  ASSERT_TRUE(Stop("s1").ok());
  EXPECT_TRUE(WaitFor([&] { return AllGone(session); }));
  EXPECT_EQ(Cell("select status || before_status || status_reason from session_main"),
            "KILLEDACTIVEAPI");
  EXPECT_EQ(Create("s1")->status(), "KILLED");
}

// The bar of 500 ms with the program that does the work; kill and stop as with the played egg.
TEST_F(ControlPlaneTest, TheRealEggStartsDiesAndEndsAsThePlayedOne) {
  StartBoth("");  // egg_pair beside nodemanager
  absl::Time start = absl::Now();
  meta::SessionMeta session = Open("s1");
  absl::Duration took = absl::Now() - start;
  RecordProperty("session_start_ms", static_cast<int>(absl::ToInt64Milliseconds(took)));
  EXPECT_LT(took, absl::Milliseconds(500));
  ASSERT_EQ(session.processors_size(), 4);
  ASSERT_TRUE(Stop("s1").ok());
  EXPECT_TRUE(WaitFor([&] { return AllGone(session); }));

  session = Open("s2");
  kill(session.processors(3).pid(), SIGKILL);
  ASSERT_TRUE(Becomes("s2", "ERROR"));
  EXPECT_THAT(DetailOf("s2"), HasSubstr("killed by signal 9"));
  EXPECT_TRUE(WaitFor([&] { return AllGone(session); }));

  session = Open("s3");
  node_->End(SIGKILL);
  EXPECT_TRUE(WaitFor([&] { return AllGone(session); }));
  StartNode();
  WaitUntilHealthy();
  ASSERT_TRUE(Becomes("s3", "ERROR"));
  Open("s4");
}

TEST_F(ControlPlaneTest, TheStartOrderOfTheDaemonsDoesNotMatter) {
  files_ = std::make_unique<testing::PartyFiles>(Lines(FakeEgg()));
  StartNode();
  ASSERT_TRUE(WaitFor([&] { return Logs().find("fate-clustermanager") != std::string::npos; }));
  EXPECT_FALSE(Healthy(files_->node_admin_port));
  StartManager();
  WaitUntilHealthy();
  Open("s1");
}

// Acceptance case 19, without the wait.
TEST_F(ControlPlaneTest, AKilledEggEndsItsSessionWithTheReason) {
  StartBoth();
  meta::SessionMeta session = Open("s1");
  absl::Time start = absl::Now();
  kill(session.processors(2).pid(), SIGKILL);
  ASSERT_TRUE(Becomes("s1", "ERROR"));
  EXPECT_LT(absl::Now() - start, absl::Seconds(2));
  EXPECT_THAT(DetailOf("s1"),
              AllOf(HasSubstr(fmt::format("egg_pair-{}", session.processors(2).id())),
                    HasSubstr("killed by signal 9")));
  EXPECT_TRUE(WaitFor([&] { return AllGone(session); }));
  Open("s2");
}

// Acceptance case 14, without the wait where there is nothing to wait for.
TEST_F(ControlPlaneTest, AnEggThatCannotStartFailsTheSessionWithItsLastWords) {
  StartBoth();
  EXPECT_THAT(Message(Create("fails").status()),
              AllOf(HasSubstr("unable to start all processors for session id: . fails"),
                    HasSubstr("exited with code 3: the data folder is not writable; read ")));
  EXPECT_THAT(Message(Create("silent").status()), HasSubstr("not heard of within 5s"));
  EXPECT_EQ(Cell("select status from session_main where session_id = 'silent'"), "KILLED");
}

TEST_F(ControlPlaneTest, AnEggThatDoesNotListenIsKilled) {
  StartBoth();
  meta::SessionMeta session = Open("stubborn");
  ASSERT_TRUE(Stop("stubborn").ok());
  EXPECT_TRUE(WaitFor([&] { return AllGone(session); }));
}

TEST_F(ControlPlaneTest, ARestartedManagerFindsItsSessionsAgain) {
  StartBoth();
  meta::SessionMeta session = Open("s1");
  auto starting = std::async(std::launch::async, [&] { return Create("silent"); });
  ASSERT_TRUE(WaitFor([&] {
    return Cell("select count(*) from session_main where session_id = 'silent'") == "1";
  }));
  manager_->End(SIGKILL);
  EXPECT_FALSE(starting.get().ok());
  StartManager();
  WaitUntilHealthy();
  EXPECT_EQ(Open("s1").SerializeAsString(), session.SerializeAsString());
  EXPECT_EQ(Create("silent")->status(), "KILLED");
  Open("s2");
  ASSERT_TRUE(Stop("s1").ok());
  EXPECT_TRUE(WaitFor([&] { return AllGone(session); }));
}

// An egg that dies while the manager is away.
TEST_F(ControlPlaneTest, ADeathThatNobodyCouldBeToldOfIsReportedLater) {
  StartBoth();
  meta::SessionMeta session = Open("s1");
  manager_->End(SIGKILL);
  kill(session.processors(0).pid(), SIGKILL);
  StartManager();
  WaitUntilHealthy();
  EXPECT_TRUE(Becomes("s1", "ERROR"));
  EXPECT_TRUE(WaitFor([&] { return AllGone(session); }));
}

// Acceptance case 7; eggs end with their nodemanager.
TEST_F(ControlPlaneTest, AKilledNodemanagerTakesItsEggsAlongAndComesBackAsTheSameNode) {
  StartBoth();
  meta::SessionMeta session = Open("s1");
  node_->End(SIGKILL);
  EXPECT_TRUE(WaitFor([&] { return AllGone(session); }));
  StartNode();
  WaitUntilHealthy();
  EXPECT_TRUE(Becomes("s1", "ERROR"));
  EXPECT_THAT(DetailOf("s1"), HasSubstr("no longer exists"));
  EXPECT_EQ(Open("s2").processors(0).servernodeid(), session.processors(0).servernodeid());
  EXPECT_EQ(Cell("select count(*) from server_node where node_type = 'NODE_MANAGER'"), "1");
}

// Acceptance case 8: silence is noticed after two intervals.
TEST_F(ControlPlaneTest, ANodemanagerThatStaysAwayLosesItsSessions) {
  StartBoth();
  meta::SessionMeta session = Open("s1");
  node_->End(SIGKILL);
  EXPECT_TRUE(Becomes("s1", "ERROR"));
  EXPECT_THAT(DetailOf("s1"), AllOf(HasSubstr("has not been heard of"), HasSubstr(files_->node())));
  EXPECT_THAT(Message(Create("s2").status()), HasSubstr("no health server node"));
  EXPECT_EQ(Cell("select status from server_node where node_type = 'NODE_MANAGER'"), "LOSS");
}

// Acceptance case 8.
TEST_F(ControlPlaneTest, AStoppedNodemanagerEndsItsEggsAndSaysFarewell) {
  StartBoth();
  meta::SessionMeta session = Open("s1");
  int status = node_->End(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(AllGone(session));
  EXPECT_EQ(Cell("select status from server_node where node_type = 'NODE_MANAGER'"), "LOSS");
  EXPECT_EQ(Create("s1")->status(), "ERROR");
  EXPECT_THAT(DetailOf("s1"), HasSubstr("its nodemanager stops"));
}

// Acceptance cases 24, 25, 40 and hostile orders.
TEST_F(ControlPlaneTest, TheNodemanagerAnswersItsCommands) {
  StartBoth();
  meta::Processor process;
  process.set_id(99);
  process.set_pid(getpid());
  auto check = [&] {
    return *client_.Call<meta::Processor>(files_->node(), commands::kCheckNodeProcess, process,
                                          absl::Seconds(5));
  };
  EXPECT_EQ(check().status(), "RUNNING");
  EXPECT_EQ(check().id(), 99);
  process.set_pid(1 << 30);
  EXPECT_EQ(check().status(), "KILLED");

  meta::SessionMeta order;
  order.set_id("other");
  order.add_processors()->set_servernodeid(77);
  auto echo = client_.Call<meta::SessionMeta>(files_->node(), commands::kStartContainers, order,
                                              absl::Seconds(5));
  EXPECT_EQ(echo->SerializeAsString(), order.SerializeAsString());
  EXPECT_NE(access((files_->path() + "/logs/other/pid.txt").c_str(), F_OK), 0);
  for (const char* uri : {commands::kStartContainers, commands::kStopContainers}) {
    EXPECT_THAT(Message(Call(files_->node(), uri, "../../tmp/x").status()),
                HasSubstr("session id '../../tmp/x'"));
  }
  auto info = client_.Call<meta::MetaInfoResponse>(files_->node(), commands::kNodeMetaInfo,
                                                   meta::MetaInfoRequest(), absl::Seconds(5));
  EXPECT_EQ(info->metamap().at("eggroll.session.processors.per.node"), "4");
  EXPECT_THAT(
      Message(Call(files_->node(), "v1/node-manager/container/startJobContainers", "s").status()),
      HasSubstr("DeepSpeed"));
}

// spec 9.1: upstream's boot script leaves the egg in the background; acceptance case 28.
TEST_F(ControlPlaneTest, EggsOfAScriptAreWatchedAndOutliveTheirNodemanager) {
  testing::TempDir dir;
  std::string script = dir.path() + "/boot.sh";
  StartBothWithScript(script);
  meta::SessionMeta session = Open("s1");
  kill(session.processors(1).pid(), SIGKILL);
  ASSERT_TRUE(Becomes("s1", "ERROR"));
  EXPECT_TRUE(WaitFor([&] { return AllGone(session); }));

  session = Open("s2");
  node_->End(SIGKILL);
  StartNode();
  WaitUntilHealthy();
  EXPECT_EQ(Open("s2").SerializeAsString(), session.SerializeAsString());
  ASSERT_TRUE(Stop("s2").ok());
  EXPECT_TRUE(WaitFor([&] { return AllGone(session); }));
}

}  // namespace
}  // namespace fate
