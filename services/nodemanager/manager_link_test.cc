#include "nodemanager/manager_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/status.h"
#include "clustermanager/test_support.h"
#include "rpc/server.h"
#include "session/commands.h"

namespace fate::nodemanager {
namespace {

namespace meta = com::webank::eggroll::core::meta;
using fate::testing::WaitFor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ManagerLinkTest : public ::testing::Test {
 protected:
  // A manager that gives id 5 and remembers what it hears.
  void ServeManager() {
    service_ = std::make_unique<rpc::CommandService>(rpc::ErrorStyle::kManager);
    service_->Register(session::commands::kNodeHeartbeat, [this](const auto& call, auto respond) {
      meta::NodeHeartbeat beat;
      beat.ParseFromString(call.argument);
      {
        std::lock_guard lock(mutex_);
        heard_.push_back(std::to_string(beat.node().id()) + " " + beat.node().status());
        sequences_.push_back(beat.id());
      }
      beat.mutable_node()->set_id(5);
      respond(beat.SerializeAsString());
    });
    service_->Register(session::commands::kSessionHeartbeat,
                       [this](const auto& call, auto respond) {
                         meta::Processor report;
                         report.ParseFromString(call.argument);
                         {
                           std::lock_guard lock(mutex_);
                           heard_.push_back("report " + std::to_string(report.id()));
                         }
                         respond(call.argument);
                       });
    auto server = rpc::Server::Start("127.0.0.1", port_, {service_->service()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  std::unique_ptr<ManagerLink> MakeLink() {
    ManagerLink::Options options;
    options.manager = "127.0.0.1:" + std::to_string(port_);
    options.own = {"127.0.0.1", 4671};
    options.meta_file = dir_.path() + "/data/NodeManagerMeta";
    auto link = std::make_unique<ManagerLink>(options);
    link->Begin();
    return link;
  }
  std::vector<std::string> Heard() {
    std::lock_guard lock(mutex_);
    return heard_;
  }

  fate::testing::TempDir dir_;
  int port_ = fate::testing::FreePort();
  std::mutex mutex_;
  std::vector<std::string> heard_;
  std::vector<uint64_t> sequences_;
  std::unique_ptr<rpc::CommandService> service_;
  std::unique_ptr<rpc::Server> server_;
};

// spec 6.2, without upstream's wait of a whole interval (section 20, defect 1).
TEST_F(ManagerLinkTest, ANewNodeIsHealthyAtOnceAndSaysFarewell) {
  ServeManager();
  auto link = MakeLink();
  ASSERT_TRUE(WaitFor([&] { return link->Health().ok(); }));
  EXPECT_EQ(link->node_id(), 5);
  link.reset();
  EXPECT_THAT(Heard(), ElementsAre("-1 INIT", "5 HEALTHY", "5 LOSS"));
  EXPECT_THAT(sequences_, ElementsAre(1, 2, 2));
}

TEST_F(ManagerLinkTest, TheIdIsKeptForThisAddressOnly) {
  ServeManager();
  std::string file = dir_.path() + "/data/NodeManagerMeta";
  {
    auto link = MakeLink();
    ASSERT_TRUE(WaitFor([&] { return link->Health().ok(); }));
  }
  EXPECT_EQ(ReadNodeId(file, {"127.0.0.1", 4671}), 5);
  EXPECT_EQ(ReadNodeId(file, {"127.0.0.1", 4672}), -1);
  EXPECT_EQ(ReadNodeId(file, {"10.0.0.5", 4671}), -1);
  std::string content;
  std::getline(std::ifstream(file), content);
  EXPECT_THAT(content, HasSubstr("\"nodePort\":\"4671\""));  // a string (acceptance case 6)
  std::ofstream(file) << "[1]";
  EXPECT_EQ(ReadNodeId(file, {"127.0.0.1", 4671}), -1);
}

TEST_F(ManagerLinkTest, RegistrationAndReportsWaitForTheManager) {
  auto link = MakeLink();
  meta::Processor first, second;
  first.set_id(1);
  second.set_id(2);
  link->Report(first);
  link->Report(second);
  ASSERT_TRUE(WaitFor(
      [&] { return Message(link->Health()).find("fate-clustermanager") != std::string::npos; }));
  ServeManager();
  ASSERT_TRUE(WaitFor([&] { return link->Health().ok() && Heard().size() >= 4; }));
  auto heard = Heard();
  auto one = std::find(heard.begin(), heard.end(), "report 1");
  EXPECT_NE(std::find(one, heard.end(), "report 2"), heard.end());
}

TEST_F(ManagerLinkTest, ReportsAreDeliveredBeforeTheFarewell) {
  ServeManager();
  auto link = MakeLink();
  ASSERT_TRUE(WaitFor([&] { return link->Health().ok(); }));
  for (int i = 0; i < 20; ++i) {
    meta::Processor report;
    report.set_id(i);
    link->Report(report);
  }
  link.reset();
  EXPECT_EQ(Heard()[Heard().size() - 2], "report 19");
  EXPECT_EQ(Heard().back(), "5 LOSS");
}

}  // namespace
}  // namespace fate::nodemanager
