#include "fateflow/preflight.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "base/status.h"
#include "eggroll/meta.pb.h"
#include "rpc/channel.h"
#include "rpc/command.h"

namespace fate::flow {
namespace {

namespace meta = com::webank::eggroll::core::meta;

constexpr absl::Duration kTimeout = absl::Seconds(1);

struct Target {
  std::string daemon, program;
  Address address;
};

absl::Status Failure(const Target& target, std::string_view reason) {
  return UnavailableError(
      "{} at {} does not answer ({}); start it, for example with `supervisorctl start {}`, and "
      "submit again",
      target.daemon, target.address.ToString(), reason, target.program);
}

// "" when somebody listens, else why not.
std::string Connect(const Address& address) {
  addrinfo hints{.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = nullptr;
  std::string port = std::to_string(address.port);
  if (int error = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return gai_strerror(error);
  }
  absl::Cleanup free_addresses = [found] { freeaddrinfo(found); };
  int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  absl::Cleanup close_socket = [fd] { close(fd); };
  if (connect(fd, found->ai_addr, found->ai_addrlen) == 0) return "";
  if (errno != EINPROGRESS) return std::strerror(errno);
  pollfd entry{.fd = fd, .events = POLLOUT};
  if (poll(&entry, 1, static_cast<int>(absl::ToInt64Milliseconds(kTimeout))) <= 0) {
    return "no answer within a second";
  }
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? "" : std::strerror(error);
}

// grpc.health.v1.Health/Check with an empty request: any answer but silence shows life, except
// one that says NOT_SERVING (field 1 = 2).
std::string AskHealth(const Address& address) {
  auto channel = rpc::ChannelTo(address.ToString());
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(kTimeout));
  context.set_wait_for_ready(true);
  grpc::Slice empty;
  grpc::ByteBuffer request(&empty, 1), response;
  std::promise<grpc::Status> answered;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                 [&](grpc::Status status) { answered.set_value(std::move(status)); });
  grpc::Status status = answered.get_future().get();
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
      status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    return "no answer to a health check within a second";
  }
  grpc::Slice answer;
  if (!status.ok() || !response.DumpToSingleSlice(&answer).ok()) return "";
  bool not_serving = answer.size() >= 2 && answer.begin()[0] == 0x08 && answer.begin()[1] == 2;
  return not_serving ? "it is stopping" : "";
}

absl::Status Check(const Target& target) {
  std::string reason = Connect(target.address);
  if (reason.empty()) reason = AskHealth(target.address);
  return reason.empty() ? absl::OkStatus() : Failure(target, reason);
}

// Healthy nodes as the clustermanager knows them.
absl::StatusOr<std::vector<Address>> Nodes(const Target& cluster_manager) {
  if (std::string reason = Connect(cluster_manager.address); !reason.empty()) {
    return Failure(cluster_manager, reason);
  }
  meta::CheckResourceEnoughRequest request;
  request.set_resource_type("VCPU_CORE");
  request.set_check_type("clusterCheck");
  auto answer = rpc::CommandClient().Call<meta::CheckResourceEnoughResponse>(
      cluster_manager.address.ToString(), "v1/cluster-manager/resource/queryClusterResourceInfo",
      request, kTimeout);
  if (!answer.ok()) return Failure(cluster_manager, Message(answer.status()));
  std::vector<Address> nodes;
  for (const auto& node : answer->clusterinfo().servernodes()) {
    if (node.status() != "HEALTHY") continue;
    nodes.push_back({node.endpoint().host(), node.endpoint().port()});
  }
  if (!nodes.empty()) return nodes;
  return UnavailableError(
      "no healthy nodemanager is registered at clustermanager {}; start one, for example with "
      "`supervisorctl start fate-nodemanager`, and submit again",
      cluster_manager.address.ToString());
}

}  // namespace

absl::Status Preflight(const Config& config, bool crosses_parties) {
  std::vector<std::future<absl::Status>> checks;
  auto start = [&](Target target) {
    checks.push_back(std::async(std::launch::async, Check, std::move(target)));
  };
  if (crosses_parties) start({"rollsite", "fate-rollsite", config.proxy});
  auto nodes = Nodes({"clustermanager", "fate-clustermanager", config.cluster_manager});
  for (const Address& node : nodes.ok() ? *nodes : std::vector<Address>{}) {
    start({"nodemanager", "fate-nodemanager", node});
    start({"storage_service", "fate-storage", {node.host, config.storage_port}});
  }
  absl::Status result = nodes.status();
  for (auto& check : checks) result.Update(check.get());
  return result;
}

}  // namespace fate::flow
