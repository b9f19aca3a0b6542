#pragma once

// Data between the parties of one task, in FATE's stream mode: the sender's eggs push pair
// batches through rollsite (DataTransferService.push), the receiving rollsite hands them to the
// receiver's eggs (putBatch), and the receiver asks its own eggs (spec/rollsite.md 4.2, 6.3;
// spec/eggroll-compute-and-storage.md 10). Blocking, thread-safe.
//
// A message is addressed by name and tag (spec/federated-algorithms.md 2.1), which may be used
// once for each destination.

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "compute/session.h"
#include "eggroll/transfer.pb.h"

namespace fate::compute {
class OperatorRegistry;
}

namespace fate::federation {

// Registers "federation.push", which PutTable runs on the eggs.
void RegisterFederationOperators(compute::OperatorRegistry& registry);

struct Party {
  std::string role;      // "guest", "host", "arbiter"
  std::string party_id;  // "9999"
  // "guest_9999"
  std::string ToString() const { return role + "_" + party_id; }
  friend bool operator==(const Party&, const Party&) = default;
};

class Federation {
 public:
  struct Options {
    std::string session_id;  // federation id, the same at all parties: <task_id>_<task_version>
    Party self;
    std::vector<Party> parties;                // all of them, self included
    std::string rollsite;                      // own rollsite, "host:port"
    absl::Duration timeout = absl::Hours(24);  // for one Get
  };
  // The computing session's id must be "<session_id>_<role>_<party>".
  Federation(compute::Session* session, Options options);

  const Options& options() const { return options_; }
  // Parties of a role in the order of the job, without self.
  std::vector<Party> PartiesOf(const std::string& role) const;

  // Returns when the peer's eggs have stored the data. While a hop does not answer, pushes are
  // repeated for some 20 seconds (they are idempotent), while the peer's task has not started for
  // three minutes.
  // Errors: kAlreadyExists (name and tag used before), kUnavailable naming party and hop.
  absl::Status PutObject(const std::string& name, const std::string& tag, const Party& to,
                         const std::string& bytes);
  absl::Status PutTable(const std::string& name, const std::string& tag, const Party& to,
                        const compute::Table& table);

  // Waits for the data. Errors: kDeadlineExceeded and kUnavailable naming the party.
  absl::StatusOr<std::string> GetObject(const std::string& name, const std::string& tag,
                                        const Party& from);
  absl::StatusOr<compute::Table> GetTable(const std::string& name, const std::string& tag,
                                          const Party& from);

  // Removes what other parties sent to this one in this federation session. Data for another role
  // of the same party (same eggs, same namespace) stays.
  absl::Status Destroy();

 private:
  using RollSiteHeader = com::webank::eggroll::core::transfer::RollSiteHeader;

  absl::Status ClaimTag(const std::string& name, const std::string& tag, const Party& to);
  // Makes a failed put's name and tag free again, so that the caller may try once more.
  absl::Status Released(const absl::Status& status, const RollSiteHeader& header);
  absl::StatusOr<RollSiteHeader> OutgoingHeader(const std::string& name, const std::string& tag,
                                                const Party& to, const std::string& type,
                                                int partitions);
  // Waits until all of it has arrived; the table that holds it.
  absl::StatusOr<compute::Table> Receive(const std::string& name, const std::string& tag,
                                         const Party& from, const std::string& type);

  compute::Session* session_;
  Options options_;
  std::mutex mutex_;
  std::set<std::string> used_;
};

}  // namespace fate::federation
