#include "rpc/command.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/status.h"
#include "grpcpp/health_check_service_interface.h"
#include "rpc/channel.h"
#include "rpc/server.h"

namespace fate::rpc {
namespace {

using ::testing::HasSubstr;

class CommandTest : public ::testing::Test {
 protected:
  void Serve(ErrorStyle style) {
    service_ = std::make_unique<CommandService>(style);
    service_->Register("v1/echo", [](const CommandCall& call, Respond respond) {
      std::thread([argument = call.argument, respond] { respond("<" + argument + ">"); }).detach();
    });
    service_->Register("v1/fail", [](const CommandCall&, Respond respond) {
      respond(FailedPreconditionError("no health server node"));
    });
    auto server = Server::Start("127.0.0.1", 0, {service_->service()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    endpoint_ = "127.0.0.1:" + std::to_string(server_->port());
  }

  std::unique_ptr<CommandService> service_;
  std::unique_ptr<Server> server_;
  std::string endpoint_;
  CommandClient client_;
};

TEST_F(CommandTest, AnAnswerFromAnotherThreadReachesTheCaller) {
  Serve(ErrorStyle::kManager);
  auto result = client_.Call(endpoint_, "v1/echo", "a", absl::Seconds(5));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result, "<a>");
}

TEST_F(CommandTest, ManagersAnswerFailuresAsInternalWithTheBareText) {
  Serve(ErrorStyle::kManager);
  auto failed = client_.Call(endpoint_, "v1/fail", "", absl::Seconds(5)).status();
  EXPECT_EQ(failed.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(Message(failed), "v1/fail at " + endpoint_ + ": no health server node");
  auto unknown = client_.Call(endpoint_, "v1/nope", "", absl::Seconds(5)).status();
  EXPECT_THAT(Message(unknown), HasSubstr("invalid request : v1/nope"));
}

TEST_F(CommandTest, EggsAnswerFailuresAsUnknown) {
  Serve(ErrorStyle::kEgg);
  auto failed = client_.Call(endpoint_, "v1/fail", "", absl::Seconds(5)).status();
  EXPECT_EQ(failed.code(), absl::StatusCode::kUnknown);
  EXPECT_THAT(Message(failed), HasSubstr("Exception calling application: no health server node"));
  auto unknown = client_.Call(endpoint_, "v1/nope", "", absl::Seconds(5)).status();
  EXPECT_THAT(Message(unknown), HasSubstr("v1/nope has not been registered yet"));
}

TEST_F(CommandTest, ATakenPortIsAnErrorThatNamesIt) {
  Serve(ErrorStyle::kManager);
  CommandService other(ErrorStyle::kManager);
  auto second = Server::Start("127.0.0.1", server_->port(), {other.service()});
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(Message(second.status()), HasSubstr(std::to_string(server_->port())));
}

TEST_F(CommandTest, NobodyListeningIsUnavailable) {
  Serve(ErrorStyle::kManager);
  server_.reset();
  auto result = client_.Call(endpoint_, "v1/echo", "a", absl::Seconds(5));
  EXPECT_EQ(result.status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace fate::rpc
