#pragma once

// The real daemons of one party on a loopback address of its own, with a temporary folder made by
// deploy/make_party.sh and the documented ports. Everything is ended by its process id in the
// destructor, and by the kernel when the test dies.
//
//   ASSIGN_OR_RETURN(auto addresses, FreeAddresses(2));
//   ASSIGN_OR_RETURN(auto guest, LocalParty::Start({.party_id = "9999", .address = addresses[0],
//                                                   .peers = {{"10000", addresses[1]}}}));

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fate::testing {

// Loopback addresses (127.x.y.1, 127.x.y.2, ...) on which nobody listens.
absl::StatusOr<std::vector<std::string>> FreeAddresses(int count);

class LocalParty {
 public:
  struct Options {
    std::string party_id;
    std::string address;
    std::vector<std::pair<std::string, std::string>> peers;  // party id, address
    int eggs_per_node = 2;
    std::vector<std::string> programs = {"clustermanager", "nodemanager", "rollsite"};
    std::vector<std::string> extra_properties;  // lines for eggroll.properties
  };
  // Returns when every program answers its /healthz. The error names the program and has the end
  // of its log.
  static absl::StatusOr<std::unique_ptr<LocalParty>> Start(Options options);
  ~LocalParty();

  const std::string& address() const { return options_.address; }
  std::string cluster_manager() const { return options_.address + ":4670"; }
  std::string rollsite() const { return options_.address + ":9370"; }
  const std::string& folder() const { return folder_; }

  absl::Status StartProgram(const std::string& program);
  // SIGTERM and wait; kDeadlineExceeded when it does not end in time.
  absl::Status StopProgram(const std::string& program);
  void KillProgram(const std::string& program);  // SIGKILL and wait
  pid_t pid(const std::string& program) const;
  // Processes started by the node manager.
  std::vector<pid_t> Eggs() const;
  std::string LogTail(const std::string& program) const;

 private:
  explicit LocalParty(Options options) : options_(std::move(options)) {}
  absl::Status Configure();
  absl::Status AwaitHealthy(const std::string& program);

  Options options_;
  std::string folder_;
  std::map<std::string, pid_t> pids_;
};

// Waits for a condition with a deadline; false when it did not come true.
bool Eventually(const std::function<bool()>& condition, absl::Duration timeout = absl::Seconds(30));

// Anonymous resident memory of a process in bytes (RssAnon), 0 when it is gone.
int64_t AnonymousMemory(pid_t pid);

}  // namespace fate::testing
