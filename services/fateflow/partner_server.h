#pragma once

// The flow server's gRPC address (spec/fate-flow.md 1, 8.2): DataTransferService.unaryCall
// carries a partner's request to our routes; the streaming methods answer UNIMPLEMENTED.
// Requests run on own threads, never on those of gRPC.

#include <memory>

#include "fateflow/partner_packet.h"

namespace fate::flow {

class PartnerServer {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    int port = 9360;  // 0: any free port
    int threads = 16;
  };
  // Error: kUnavailable naming the address when it is taken.
  static absl::StatusOr<std::unique_ptr<PartnerServer>> Start(const Options& options,
                                                              LocalDispatcher dispatcher);
  ~PartnerServer();
  int port() const;

 private:
  class Impl;
  explicit PartnerServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fate::flow
