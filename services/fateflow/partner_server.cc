#include "fateflow/partner_server.h"

#include <grpcpp/grpcpp.h>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/status.h"
#include "fateflow/executor.h"
#include "proxy/proxy.grpc.pb.h"
#include "rpc/server.h"

namespace fate::flow {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;

constexpr int kBadResponse = 6002;
constexpr int kException = 6000;

std::string ErrorBody(int code, const std::string& message) {
  return nlohmann::json{{"code", code}, {"message", message}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Deletes itself when gRPC has sent the answer.
class Reactor : public grpc::ServerUnaryReactor {
 public:
  void OnDone() override { delete this; }
};

}  // namespace

class PartnerServer::Impl : public DataTransferService::CallbackService {
 public:
  Impl(const Options& options, LocalDispatcher dispatcher)
      : own_{options.host, options.port},
        dispatcher_(std::move(dispatcher)),
        executor_(options.threads) {}

  absl::Status Start() {
    ASSIGN_OR_RETURN(server_, rpc::Server::Start(own_.host, own_.port, {this}));
    own_.port = server_->port();
    return absl::OkStatus();
  }

  grpc::ServerUnaryReactor* unaryCall(grpc::CallbackServerContext* context, const Packet* request,
                                      Packet* answer) override {
    auto* reactor = new Reactor;
    bool posted = executor_.Post([this, reactor, context, request, answer] {
      *answer = ReplyPacket(*request, Answer(*request, context->peer()), own_);
      for (const char* name :
           {"service", "src-party-id", "src-role", "dest-party-id", "dest-role"}) {
        auto it = context->client_metadata().find(name);
        if (it == context->client_metadata().end()) continue;
        context->AddTrailingMetadata(name, std::string(it->second.data(), it->second.size()));
      }
      reactor->Finish(grpc::Status::OK);
    });
    if (!posted) {
      reactor->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many requests wait"});
    }
    return reactor;
  }

  int port() const { return own_.port; }

 private:
  // Always the text of a JSON object.
  std::string Answer(const Packet& packet, const std::string& peer) const {
    auto request = RequestInside(packet);
    if (!request.ok()) {
      log::Warning("refused a partner's request from {}: {}", peer, Message(request.status()));
      return ErrorBody(kException, Message(request.status()));
    }
    request->remote_address = peer;
    http::Response response = dispatcher_(*request);
    if (nlohmann::json::accept(response.body)) return std::move(response.body);
    return ErrorBody(kBadResponse, "Response exception: " + request->path + " answered no JSON");
  }

  Endpoint own_;
  LocalDispatcher dispatcher_;
  Executor executor_;
  std::unique_ptr<rpc::Server> server_;  // stopped before the threads that serve it
};

absl::StatusOr<std::unique_ptr<PartnerServer>> PartnerServer::Start(const Options& options,
                                                                    LocalDispatcher dispatcher) {
  auto impl = std::make_unique<Impl>(options, std::move(dispatcher));
  RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<PartnerServer>(new PartnerServer(std::move(impl)));
}

PartnerServer::PartnerServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PartnerServer::~PartnerServer() = default;
int PartnerServer::port() const { return impl_->port(); }

}  // namespace fate::flow
