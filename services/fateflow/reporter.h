#pragma once

// Tells schedulers how this party's tasks fare (POST /v2/scheduler/task/report, spec/fate-flow.md
// 12.6): in order for one task, again and again until the scheduler's site has answered or the
// report is too old to matter. Never blocks the caller.

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "absl/time/time.h"
#include "fateflow/job_store.h"
#include "fateflow/reactor.h"

namespace fate::flow {

// Sends one request to the flow server of a party and returns the JSON it answered. `path` has
// the prefix /v2. Error: the party did not answer.
using CallParty =
    std::function<absl::StatusOr<Json>(const std::string& party_id, const std::string& job_id,
                                       const std::string& path, const std::string& body)>;

class Reporter {
 public:
  Reporter(Reactor& reactor, CallParty call) : reactor_(reactor), call_(std::move(call)) {}

  void Report(const Json& task, const std::string& status, const std::string& message);

 private:
  struct Item {
    std::string party_id, job_id, body;
    absl::Time since;
  };
  void Send(const std::string& key);
  Reactor& reactor_;
  CallParty call_;
  std::mutex mutex_;
  std::map<std::string, std::deque<Item>> queues_;  // by execution id; the front is being sent
};

}  // namespace fate::flow
