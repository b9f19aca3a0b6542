#include "compute/job.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "absl/time/clock.h"
#include "base/status.h"
#include "compute/placement.h"
#include "rpc/command.h"

namespace fate::compute {

using com::webank::eggroll::core::meta::Job;
using com::webank::eggroll::core::meta::JobIO;
using com::webank::eggroll::core::meta::Partition;
using com::webank::eggroll::core::meta::Task;
using google::protobuf::RepeatedPtrField;
using google::protobuf::internal::WireFormatLite;

namespace {

constexpr char kRunTask[] = "v1/eggs-pair/runTask";

int Partitions(const RepeatedPtrField<JobIO>& stores) {
  return stores.empty() ? 0 : stores.Get(0).store().partitions_size();
}

std::string Operator(const Job& job, const std::string& task_name) {
  return job.functors().empty() ? task_name : job.functors(0).name();
}

// Adds partition i of every store to the task; all of them must belong to one egg.
absl::Status AddPartitions(const RepeatedPtrField<JobIO>& stores, int i, const std::string& op,
                           RepeatedPtrField<Partition>* partitions, EggTask* task) {
  if (i >= Partitions(stores)) return absl::OkStatus();
  for (const JobIO& io : stores) {
    if (i >= io.store().partitions_size()) {
      return FailedPreconditionError(
          "table {} has {} partitions, table {} has {}", Describe(io.store().storelocator()),
          io.store().partitions_size(), Describe(stores.Get(0).store().storelocator()),
          Partitions(stores));
    }
    const Partition& partition = io.store().partitions(i);
    if (task->what.empty()) {
      task->egg = partition.processor();
      task->what =
          fmt::format("{} on partition {} of {}", op, i, Describe(io.store().storelocator()));
    }
    if (partition.processor().id() != task->egg.id()) {
      return FailedPreconditionError(
          "partition {} of {} belongs to egg {}, but {} is on egg {}: the tables were made while "
          "the set of nodes differed; copy one of them",
          i, Describe(io.store().storelocator()), Address(partition.processor().commandendpoint()),
          task->what, Address(task->egg.commandendpoint()));
    }
    *partitions->Add() = partition;
  }
  return absl::OkStatus();
}

// The part of an egg's failure that its author wrote.
std::string CauseOf(const absl::Status& status) {
  constexpr std::string_view kPrefix = "Exception calling application: ";
  std::string text = Message(status);
  size_t at = text.find(kPrefix);
  return at == std::string::npos ? text : text.substr(at + kPrefix.size());
}

}  // namespace

std::string NewJobId(const std::string& session_id, const std::string& job_name) {
  static std::atomic<int64_t> last{0};
  int64_t now = absl::ToUnixMicros(absl::Now());
  int64_t previous = last.load();
  do {
    now = std::max(now, previous + 1);
  } while (!last.compare_exchange_weak(previous, now));
  absl::Time time = absl::FromUnixMicros(now);
  return fmt::format("{}/job/{}/{}{:06}", session_id, job_name,
                     absl::FormatTime("%Y%m%d%H%M%S", time, absl::LocalTimeZone()),
                     now % 1'000'000);
}

std::string TaskId(const std::string& job_id, int partition) {
  return fmt::format("{}/task/{}", job_id, partition);
}

absl::StatusOr<std::vector<EggTask>> SplitJob(const Job& job, const std::string& task_name,
                                              std::optional<int> only) {
  const int count = std::max(Partitions(job.inputs()), Partitions(job.outputs()));
  const std::string op = Operator(job, task_name);
  const auto job_bytes = std::make_shared<const std::string>(job.SerializeAsString());
  std::vector<EggTask> tasks;
  for (int i = only.value_or(0); i < (only ? *only + 1 : count); ++i) {
    EggTask task{.job = job_bytes, .partition = i};
    task.task.set_id(TaskId(job.id(), i));
    task.task.set_name(task_name);
    RETURN_IF_ERROR(AddPartitions(job.inputs(), i, op, task.task.mutable_inputs(), &task));
    RETURN_IF_ERROR(AddPartitions(job.outputs(), i, op, task.task.mutable_outputs(), &task));
    tasks.push_back(std::move(task));
  }
  return tasks;
}

std::string EggTask::Serialize() const {
  std::string bytes = task.SerializeAsString();
  google::protobuf::io::StringOutputStream stream(&bytes);  // appends
  google::protobuf::io::CodedOutputStream out(&stream);
  WireFormatLite::WriteBytes(Task::kJobFieldNumber, *job, &out);
  return bytes;
}

absl::Status ExplainEggFailure(const absl::Status& status, const EggTask& task) {
  const std::string egg = Address(task.egg.commandendpoint());
  if (status.code() == absl::StatusCode::kUnavailable) {
    return UnavailableError(
        "{}: egg {} (processor {}) does not answer; it was stopped or has crashed, its log is "
        "egg_pair-{} in the session's log folder on node {} ({})",
        task.what, egg, task.egg.id(), task.egg.id(), task.egg.servernodeid(), CauseOf(status));
  }
  return absl::Status(status.code(),
                      fmt::format("{} failed at egg {}: {}", task.what, egg, CauseOf(status)));
}

struct RunningJob::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<EggTask> tasks;
  std::vector<std::string> results;
  std::vector<std::function<void()>> cancels;
  size_t running = 0;
  bool cancelled = false;
  absl::Status failure;
  std::function<void()> on_failure;

  void Take(size_t i, absl::StatusOr<std::string> result) {
    bool first_failure = false;
    {
      std::lock_guard lock(mutex);
      if (result.ok()) {
        results[i] = *std::move(result);
      } else if (failure.ok()) {
        failure = ExplainEggFailure(result.status(), tasks[i]);
        first_failure = true;
      }
    }
    if (first_failure) {
      if (on_failure) on_failure();
      CancelAll();
    }
    std::lock_guard lock(mutex);
    --running;
    changed.notify_all();
  }

  void CancelAll() {
    std::vector<std::function<void()>> all;
    {
      std::lock_guard lock(mutex);
      cancelled = true;
      all.swap(cancels);
    }
    for (const auto& cancel : all) cancel();
  }
};

RunningJob::RunningJob(std::vector<EggTask> tasks, absl::Duration timeout,
                       std::function<void()> on_failure)
    : state_(std::make_shared<State>()) {
  state_->tasks = std::move(tasks);
  state_->results.resize(state_->tasks.size());
  state_->running = state_->tasks.size();
  state_->on_failure = std::move(on_failure);
  rpc::CommandClient client;
  for (size_t i = 0; i < state_->tasks.size(); ++i) {
    const EggTask& task = state_->tasks[i];
    auto cancel =
        client.CallAsync(Address(task.egg.commandendpoint()), kRunTask, task.Serialize(), timeout,
                         [state = state_, i](absl::StatusOr<std::string> result) {
                           state->Take(i, std::move(result));
                         });
    std::unique_lock lock(state_->mutex);
    state_->cancels.push_back(cancel);
    bool too_late = state_->cancelled;
    lock.unlock();
    if (too_late) cancel();
  }
}

RunningJob::~RunningJob() {
  Cancel();
  WaitFor(absl::InfiniteDuration());
}

bool RunningJob::WaitFor(absl::Duration timeout) {
  std::unique_lock lock(state_->mutex);
  auto ended = [this] { return state_->running == 0; };
  if (timeout == absl::InfiniteDuration()) {
    state_->changed.wait(lock, ended);
    return true;
  }
  return state_->changed.wait_for(lock, absl::ToChronoMicroseconds(timeout), ended);
}

absl::StatusOr<std::vector<std::string>> RunningJob::Wait() {
  WaitFor(absl::InfiniteDuration());
  std::lock_guard lock(state_->mutex);
  if (!state_->failure.ok()) return state_->failure;
  return std::move(state_->results);
}

void RunningJob::Cancel() { state_->CancelAll(); }

absl::StatusOr<std::vector<std::string>> RunTasks(std::vector<EggTask> tasks,
                                                  absl::Duration timeout) {
  return RunningJob(std::move(tasks), timeout).Wait();
}

}  // namespace fate::compute
