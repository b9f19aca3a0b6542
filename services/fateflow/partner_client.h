#pragma once

// Requests to the flow servers of the parties (spec/fate-flow.md 8): through our rollsite, or
// straight to our own routes when the destination is this party or the local site "0".
// Thread-safe.

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "fateflow/partner_packet.h"

namespace fate::flow {

struct PartnerReply {
  int code = 0;         // of the answer, or kUnanswered
  std::string message;  // of the answer, or why there is none
  nlohmann::json json;  // the whole answer; {"code": 104, "message"} without one
  int attempts = 1;
};

class PartnerClient {
 public:
  static constexpr int kUnanswered = 104;  // spec/fate-flow.md 4

  struct Options {
    std::string own_party;
    std::string proxy_name = "rollsite";  // for messages
    Endpoint proxy;                       // federation.<name>.host:port
    Endpoint callback;                    // our HTTP address
    LocalDispatcher local;
    int local_threads = 8;
  };
  explicit PartnerClient(Options options);
  // Waits for local requests under way; remote ones are cancelled and count as unanswered.
  ~PartnerClient();

  // `done` is called once, from another thread. At most three attempts that time out after 10 s
  // each; a peer that cannot be reached is tried again for as long as the patience lasts.
  using Done = std::function<void(PartnerReply)>;
  void CallAsync(PartnerRequest request, Done done);

  // The same, waiting; requests to ourselves run on the calling thread.
  PartnerReply Call(const PartnerRequest& request);
  // The JSON that the party answered, whatever its code. Error: kUnavailable when it did not.
  absl::StatusOr<nlohmann::json> Call(const std::string& party_id, const std::string& job_id,
                                      const std::string& path, const std::string& body);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace fate::flow
