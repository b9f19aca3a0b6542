#include "rpc/channel.h"

#include <grpcpp/grpcpp.h>

#include <map>
#include <mutex>

#include "base/limits.h"
#include "base/status.h"

namespace fate::rpc {
namespace {

grpc::ChannelArguments ChannelOptions() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(kMaxMessageBytes));
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, 1 << 20);
  // A call that waits for hours must end when its peer's machine is gone. Not below the 120 s a
  // JVM manager allows (spec/eggroll-control-plane.md 1.3).
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 150'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 60'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A daemon that was restarted is found again at once, not after a minute of back-off.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  // In spite of its name this one bounds a single attempt to connect; a loaded machine needs time.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 10'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

}  // namespace

std::shared_ptr<grpc::Channel> ChannelTo(const std::string& endpoint) {
  static std::mutex mutex;
  static auto* channels = new std::map<std::string, std::shared_ptr<grpc::Channel>>;
  std::lock_guard lock(mutex);
  auto& channel = (*channels)[endpoint];
  if (!channel) {
    channel =
        grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), ChannelOptions());
  }
  return channel;
}

absl::Status FromGrpc(const grpc::Status& status, const std::string& what) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      what + ": " + status.error_message());
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), Message(status));
}

}  // namespace fate::rpc
