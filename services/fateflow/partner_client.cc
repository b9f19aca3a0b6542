#include "fateflow/partner_client.h"

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <future>
#include <mutex>
#include <set>

#include "base/status.h"
#include "fateflow/executor.h"
#include "proxy/proxy.grpc.pb.h"
#include "rpc/channel.h"

namespace fate::flow {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;

constexpr int kMaxTimeouts = 3;
constexpr absl::Duration kAttemptTimeout = absl::Seconds(10);
constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(1);
constexpr int kBadResponse = 6002;

// What may be better in a moment: a daemon on the way is being started again.
bool IsTransient(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return true;
    default:
      return false;
  }
}

PartnerReply Unanswered(std::string message, int attempts) {
  PartnerReply reply{PartnerClient::kUnanswered, std::move(message), {}, attempts};
  reply.json = {{"code", reply.code}, {"message", reply.message}};
  return reply;
}

PartnerReply FromBody(const std::string& body, int attempts) {
  PartnerReply reply;
  reply.attempts = attempts;
  reply.json = nlohmann::json::parse(body, nullptr, false);
  if (!reply.json.is_object() || !reply.json.contains("code") ||
      !reply.json["code"].is_number_integer()) {
    reply.json = {{"code", kBadResponse},
                  {"message", fmt::format("Response exception: {} bytes that are no answer of a "
                                          "flow server",
                                          body.size())}};
  }
  reply.code = reply.json["code"].get<int>();
  if (reply.json.contains("message") && reply.json["message"].is_string()) {
    reply.message = reply.json["message"].get<std::string>();
  }
  return reply;
}

http::Request LocalRequest(const PartnerRequest& request) {
  http::Request local;
  local.method = "POST";
  local.path = request.path;
  local.body = request.body;
  local.remote_address = "local";
  for (const auto& [name, value] : request.headers) local.headers[name] = value;
  return local;
}

}  // namespace

class PartnerClient::Impl : public std::enable_shared_from_this<PartnerClient::Impl> {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        endpoint_(fmt::format("{}:{}", options_.proxy.host, options_.proxy.port)),
        stub_(DataTransferService::NewStub(rpc::ChannelTo(endpoint_))),
        executor_(std::make_unique<Executor>(options_.local_threads)) {}

  bool IsLocal(const std::string& party) const {
    return party == "0" || party == options_.own_party;
  }

  PartnerReply CallLocally(const PartnerRequest& request) const {
    return FromBody(options_.local(LocalRequest(request)).body, 1);
  }

  void CallAsync(PartnerRequest request, Done done) {
    if (!IsLocal(request.dest_party)) {
      auto call = std::make_shared<Remote>();
      call->deadline = absl::Now() + request.patience;
      call->packet = RequestPacket(request, options_.own_party, options_.callback);
      call->request = std::move(request);
      call->done = std::move(done);
      return Attempt(std::move(call));
    }
    auto shared = std::make_shared<Done>(std::move(done));
    bool posted = executor_->Post(
        [this, shared, request = std::move(request)] { (*shared)(CallLocally(request)); });
    if (!posted) (*shared)(Unanswered("too many requests wait at this flow server", 1));
  }

  // No further attempts; running ones are cancelled.
  void Stop() {
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
      for (const auto& call : running_) {
        if (call->context) call->context->TryCancel();
        if (call->alarm) call->alarm->Cancel();
      }
    }
    executor_.reset();
  }

 private:
  struct Remote {
    PartnerRequest request;
    Packet packet;
    Done done;
    absl::Time started = absl::Now();
    absl::Time deadline;
    int attempts = 0;
    int timeouts = 0;
    absl::Duration pause = kFirstPause;
    std::unique_ptr<grpc::ClientContext> context;
    Packet answer;
    std::unique_ptr<grpc::Alarm> alarm;  // a new one for each pause: the last may still be firing
  };
  using RemotePtr = std::shared_ptr<Remote>;

  void Attempt(const RemotePtr& call) {
    std::unique_lock lock(mutex_);
    if (stopped_) {
      lock.unlock();
      return Abandon(call);
    }
    running_.insert(call);
    ++call->attempts;
    call->context = std::make_unique<grpc::ClientContext>();
    call->context->set_deadline(
        absl::ToChronoTime(std::min(call->deadline, absl::Now() + kAttemptTimeout)));
    for (const auto& [name, value] : RequestMetadata(call->request, options_.own_party)) {
      call->context->AddMetadata(name, value);
    }
    call->answer.Clear();
    stub_->async()->unaryCall(
        call->context.get(), &call->packet, &call->answer,
        [self = shared_from_this(), call](grpc::Status status) { self->Ended(call, status); });
  }

  void Ended(const RemotePtr& call, const grpc::Status& status) {
    if (!Leave(call)) return Abandon(call);
    if (status.ok()) return call->done(FromBody(call->answer.body().value(), call->attempts));
    if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) ++call->timeouts;
    bool timed_out = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
    bool again = absl::Now() + call->pause < call->deadline &&
                 (timed_out ? call->timeouts < kMaxTimeouts : IsTransient(status.error_code()));
    if (!again) return call->done(Unanswered(Explain(*call, status), call->attempts));
    absl::Duration pause = call->pause;
    call->pause = std::min(2 * call->pause, kLongestPause);
    std::unique_lock lock(mutex_);
    if (stopped_) {
      lock.unlock();
      return Abandon(call);
    }
    running_.insert(call);
    call->alarm = std::make_unique<grpc::Alarm>();
    call->alarm->Set(absl::ToChronoTime(absl::Now() + pause),
                     [self = shared_from_this(), call](bool) {
                       self->Leave(call) ? self->Attempt(call) : self->Abandon(call);
                     });
  }

  void Abandon(const RemotePtr& call) {
    call->done(
        Unanswered("Federated schedule error, the flow server is being stopped", call->attempts));
  }

  // False when the client is gone.
  bool Leave(const RemotePtr& call) {
    std::lock_guard lock(mutex_);
    running_.erase(call);
    return !stopped_;
  }

  std::string Explain(const Remote& call, const grpc::Status& status) const {
    return fmt::format(
        "Federated schedule error, party {} did not answer {} ({} attempts in {:.1f} s through "
        "{} {} of party {}): {}. Check that the rollsite (fate-rollsite) of party {} runs and has "
        "a "
        "route to party {}, and that rollsite and fateflow (fate-rollsite, fate-fateflow) of party "
        "{} run",
        call.request.dest_party, call.request.path, call.attempts,
        absl::ToDoubleSeconds(absl::Now() - call.started), options_.proxy_name, endpoint_,
        options_.own_party, status.error_message(), options_.own_party, call.request.dest_party,
        call.request.dest_party);
  }

  const Options options_;
  const std::string endpoint_;
  const std::unique_ptr<DataTransferService::Stub> stub_;
  std::unique_ptr<Executor> executor_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::set<RemotePtr> running_;
};

PartnerClient::PartnerClient(Options options) : impl_(std::make_shared<Impl>(std::move(options))) {}
PartnerClient::~PartnerClient() { impl_->Stop(); }

void PartnerClient::CallAsync(PartnerRequest request, Done done) {
  impl_->CallAsync(std::move(request), std::move(done));
}

PartnerReply PartnerClient::Call(const PartnerRequest& request) {
  if (impl_->IsLocal(request.dest_party)) return impl_->CallLocally(request);
  auto promise = std::make_shared<std::promise<PartnerReply>>();
  auto future = promise->get_future();
  absl::Duration limit = request.patience + kAttemptTimeout;
  impl_->CallAsync(request,
                   [promise](PartnerReply reply) { promise->set_value(std::move(reply)); });
  if (future.wait_for(absl::ToChronoMilliseconds(limit)) != std::future_status::ready) {
    return Unanswered("Federated schedule error, the flow server is being stopped", 1);
  }
  return future.get();
}

absl::StatusOr<nlohmann::json> PartnerClient::Call(const std::string& party_id,
                                                   const std::string& job_id,
                                                   const std::string& path,
                                                   const std::string& body) {
  PartnerReply reply =
      Call({.dest_party = party_id, .path = path, .job_id = job_id, .body = body, .headers = {}});
  if (reply.code == kUnanswered) return UnavailableError("{}", reply.message);
  return std::move(reply.json);
}

}  // namespace fate::flow
