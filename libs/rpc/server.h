#pragma once

// A gRPC server with health and reflection, bound to one address.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace grpc {
class Service;
class Server;
}  // namespace grpc

namespace fate::rpc {

class Server {
 public:
  // port 0 binds any free port. Error: kUnavailable naming the address when it is taken.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const std::string& host, int port,
                                                       const std::vector<grpc::Service*>& services);
  ~Server();
  int port() const { return port_; }
  // Marks health NOT_SERVING, lets running calls end for `grace`, then cancels them.
  void Shutdown(absl::Duration grace);

 private:
  Server(std::unique_ptr<grpc::Server> server, int port);
  std::unique_ptr<grpc::Server> server_;
  int port_;
};

}  // namespace fate::rpc
