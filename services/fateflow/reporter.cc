#include "fateflow/reporter.h"

#include "absl/time/clock.h"
#include "base/log.h"
#include "base/status.h"

namespace fate::flow {
namespace {

constexpr absl::Duration kPause = absl::Seconds(1);
constexpr absl::Duration kGiveUpAfter = absl::Minutes(10);

}  // namespace

void Reporter::Report(const Json& task, const std::string& status, const std::string& message) {
  TaskKey key = KeyOf(task);
  Json body = {{"job_id", key.job_id},        {"role", key.role},
               {"party_id", key.party_id},    {"task_id", key.task_id},
               {"task_version", key.version}, {"status", status}};
  if (!message.empty()) body["message"] = message;
  std::lock_guard lock(mutex_);
  auto& queue = queues_[key.execution_id()];
  queue.push_back({Text(task, "scheduler_party_id"), key.job_id, Dump(body), absl::Now()});
  if (queue.size() == 1) {
    reactor_.Post([this, id = key.execution_id()] { Send(id); });
  }
}

void Reporter::Send(const std::string& key) {
  Item item;
  {
    std::lock_guard lock(mutex_);
    item = queues_[key].front();
  }
  log::Scope scope({.job = item.job_id});
  auto answer = call_(item.party_id, item.job_id, "/v2/scheduler/task/report", item.body);
  bool again = !answer.ok() && absl::Now() - item.since < kGiveUpAfter;
  if (!answer.ok()) {
    log::Warning("report to the scheduler at party {} failed ({}): {}", item.party_id,
                 again ? "will be repeated" : "given up", Message(answer.status()));
  }
  if (again) return reactor_.After(kPause, [this, key] { Send(key); });
  std::lock_guard lock(mutex_);
  auto queue = queues_.find(key);
  queue->second.pop_front();
  if (queue->second.empty()) {
    queues_.erase(queue);
  } else {
    reactor_.Post([this, key] { Send(key); });
  }
}

}  // namespace fate::flow
