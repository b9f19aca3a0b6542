#include <grpcpp/grpcpp.h>

#include <chrono>
#include <future>
#include <memory>

#include "absl/time/clock.h"
#include "base/status.h"
#include "eggroll/command.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/command.h"

namespace fate::rpc {
namespace {

using com::webank::eggroll::core::command::CommandRequest;
using com::webank::eggroll::core::command::CommandResponse;
using Stub = com::webank::eggroll::core::command::CommandService::Stub;

struct AsyncCall {
  explicit AsyncCall(const std::string& endpoint) : stub(ChannelTo(endpoint)) {}
  Stub stub;
  grpc::ClientContext context;
  CommandRequest request;
  CommandResponse response;
};

absl::StatusOr<std::string> Result(const grpc::Status& status, const CommandResponse& response,
                                   const std::string& endpoint, const std::string& uri) {
  RETURN_IF_ERROR(FromGrpc(status, uri + " at " + endpoint));
  if (response.results_size() != 1) {
    return InternalError("{} at {}: {} results instead of one", uri, endpoint,
                         response.results_size());
  }
  return response.results(0);
}

}  // namespace

std::function<void()> CommandClient::CallAsync(const std::string& endpoint, const std::string& uri,
                                               std::string argument, absl::Duration timeout,
                                               Respond done) const {
  auto call = std::make_shared<AsyncCall>(endpoint);
  if (timeout < absl::Hours(24 * 365)) {
    call->context.set_deadline(std::chrono::system_clock::now() +
                               absl::ToChronoMicroseconds(timeout));
  }
  call->request.set_id(absl::FormatTime("%Y%m%d.%H%M%E6S", absl::Now(), absl::LocalTimeZone()));
  call->request.set_uri(uri);
  call->request.add_args(std::move(argument));
  call->stub.async()->call(&call->context, &call->request, &call->response,
                           [call, endpoint, uri, done = std::move(done)](grpc::Status status) {
                             done(Result(status, call->response, endpoint, uri));
                           });
  return [call] { call->context.TryCancel(); };
}

absl::StatusOr<std::string> CommandClient::Call(const std::string& endpoint, const std::string& uri,
                                                const std::string& argument,
                                                absl::Duration timeout) const {
  std::promise<absl::StatusOr<std::string>> answer;
  CallAsync(endpoint, uri, argument, timeout,
            [&answer](absl::StatusOr<std::string> result) { answer.set_value(std::move(result)); });
  return answer.get_future().get();
}

}  // namespace fate::rpc
