#include <grpcpp/grpcpp.h>

#include <mutex>

#include "base/status.h"
#include "eggroll/command.grpc.pb.h"
#include "rpc/command.h"

namespace fate::rpc {
namespace {

using com::webank::eggroll::core::command::CommandRequest;
using com::webank::eggroll::core::command::CommandResponse;
using Generated = com::webank::eggroll::core::command::CommandService;

// Managers end every failure as INTERNAL with the bare text, eggs as UNKNOWN behind the words of
// Python's gRPC server (spec/eggroll-control-plane.md 1.5).
grpc::Status Failure(ErrorStyle style, const absl::Status& status) {
  if (style == ErrorStyle::kManager) {
    return grpc::Status(grpc::StatusCode::INTERNAL, Message(status));
  }
  return grpc::Status(grpc::StatusCode::UNKNOWN,
                      "Exception calling application: " + Message(status));
}

std::string UnknownUri(ErrorStyle style, const std::string& uri) {
  return style == ErrorStyle::kManager ? "invalid request : " + uri
                                       : uri + " has not been registered yet";
}

// One running call. It deletes itself when gRPC has sent the answer.
class Reactor : public grpc::ServerUnaryReactor {
 public:
  explicit Reactor(std::shared_ptr<std::atomic<bool>> cancelled)
      : cancelled_(std::move(cancelled)) {}
  void OnCancel() override { *cancelled_ = true; }
  void OnDone() override { delete this; }

 private:
  std::shared_ptr<std::atomic<bool>> cancelled_;
};

}  // namespace

class CommandService::Impl : public Generated::CallbackService {
 public:
  explicit Impl(ErrorStyle style) : style_(style) {}

  grpc::ServerUnaryReactor* call(grpc::CallbackServerContext*, const CommandRequest* request,
                                 CommandResponse* response) override {
    auto cancelled = std::make_shared<std::atomic<bool>>(false);
    auto* reactor = new Reactor(cancelled);
    response->set_id(request->id());
    auto it = handlers_.find(request->uri());
    if (it == handlers_.end()) {
      reactor->Finish(Failure(style_, absl::NotFoundError(UnknownUri(style_, request->uri()))));
      return reactor;
    }
    if (request->args_size() == 0 || (style_ == ErrorStyle::kEgg && request->args_size() != 1)) {
      reactor->Finish(
          Failure(style_, InvalidArgumentError("{} takes exactly one argument, {} given",
                                               request->uri(), request->args_size())));
      return reactor;
    }
    CommandCall command{request->id(), request->uri(), request->args(0), cancelled};
    it->second(command, [this, reactor, response](absl::StatusOr<std::string> result) {
      if (result.ok()) response->add_results(*std::move(result));
      reactor->Finish(result.ok() ? grpc::Status::OK : Failure(style_, result.status()));
    });
    return reactor;
  }

  void Register(std::string uri, CommandHandler handler) {
    handlers_[std::move(uri)] = std::move(handler);
  }

 private:
  ErrorStyle style_;
  std::map<std::string, CommandHandler> handlers_;
};

CommandService::CommandService(ErrorStyle style) : impl_(std::make_unique<Impl>(style)) {}
CommandService::~CommandService() = default;
void CommandService::Register(std::string uri, CommandHandler handler) {
  impl_->Register(std::move(uri), std::move(handler));
}
grpc::Service* CommandService::service() { return impl_.get(); }

}  // namespace fate::rpc
