#pragma once

// CommandService: eggroll's one untyped call (spec/eggroll-control-plane.md 1.2), client and
// server side. A command is a URI such as "v1/cluster-manager/session/getSession" with one
// serialized argument and one serialized result.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace grpc {
class Service;
}

namespace fate::rpc {

// Answers one call, exactly once, from any thread.
using Respond = std::function<void(absl::StatusOr<std::string> result)>;

// Handles a command on a gRPC thread: it must not block. Long work moves to another thread
// and calls `respond` later; `cancelled` turns true when the client has left.
struct CommandCall {
  std::string id;
  std::string uri;
  std::string argument;
  std::shared_ptr<const std::atomic<bool>> cancelled;
};
using CommandHandler = std::function<void(const CommandCall& call, Respond respond)>;

// Server side. Register before the server starts.
//   error_style kManager: failures end as INTERNAL (managers, spec 1.5)
//   error_style kEgg:     failures end as UNKNOWN "Exception calling application: ..."
enum class ErrorStyle { kManager, kEgg };
class CommandService {
 public:
  explicit CommandService(ErrorStyle style);
  ~CommandService();
  void Register(std::string uri, CommandHandler handler);
  grpc::Service* service();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Client side: one channel per endpoint, kept for the life of the process. Thread-safe.
class CommandClient {
 public:
  // endpoint: "host:port". Errors: kUnavailable (nobody listens), kDeadlineExceeded, or what the
  // server said; the text names endpoint and URI.
  absl::StatusOr<std::string> Call(const std::string& endpoint, const std::string& uri,
                                   const std::string& argument, absl::Duration timeout) const;
  // Calls `done` once, from a gRPC thread. The returned function cancels the call (`done` then
  // gets kCancelled); it may be kept and called at any time.
  std::function<void()> CallAsync(const std::string& endpoint, const std::string& uri,
                                  std::string argument, absl::Duration timeout, Respond done) const;

  // Typed form of Call.
  template <class Result, class Argument>
  absl::StatusOr<Result> Call(const std::string& endpoint, const std::string& uri,
                              const Argument& argument, absl::Duration timeout) const {
    auto bytes = Call(endpoint, uri, argument.SerializeAsString(), timeout);
    if (!bytes.ok()) return bytes.status();
    Result result;
    if (!result.ParseFromString(*bytes)) {
      return absl::InternalError("unreadable answer from " + endpoint + " to " + uri);
    }
    return result;
  }
};

}  // namespace fate::rpc
