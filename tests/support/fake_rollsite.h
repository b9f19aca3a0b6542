#pragma once

// A rollsite inside the test process that keeps the packets it is sent.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "proxy/proxy.pb.h"

namespace fate::testing {

class FakeRollsite {
 public:
  using Packet = com::webank::ai::eggroll::api::networking::proxy::Packet;

  FakeRollsite();
  ~FakeRollsite();
  const std::string& address() const { return address_; }

  // The next pushes end with these statuses, after all packets were read; later ones succeed.
  void FailNext(std::vector<absl::Status> statuses);
  // One entry for each push call that was taken.
  std::vector<std::vector<Packet>> streams() const;
  // Calls, failed ones included.
  int calls() const;
  void Stop();

 private:
  class Service;
  std::unique_ptr<Service> service_;
  std::string address_;
};

}  // namespace fate::testing
