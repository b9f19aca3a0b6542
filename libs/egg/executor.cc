#include "egg/executor.h"

#include <map>
#include <string_view>

#include "base/log.h"
#include "base/metrics.h"
#include "base/names.h"
#include "base/status.h"
#include "base/text.h"
#include "egg/transfer_service.h"

namespace fate::egg {
namespace {

// gRPC puts error texts into headers, for which some clients have 8 KiB (section 4).
constexpr size_t kMaxErrorBytes = 2000;

const std::map<std::string_view, TaskBody>& ThreadTasks() {
  static const auto* tasks =
      new std::map<std::string_view, TaskBody>{{"get", &RunGet},
                                               {"put", &RunPut},
                                               {"delete", &RunDelete},
                                               {"count", &RunCount},
                                               {"getAll", &RunGetAll},
                                               {"putAll", &RunPutAll},
                                               {"destroy", &RunDestroy},
                                               {"reduce", &RunReduce},
                                               {"mapReducePartitionsWithIndex", &RunMap},
                                               {"binarySortedMapPartitionsWithIndex", &RunJoin},
                                               {"withStores", &RunWithStores},
                                               {"putBatch", &RunPutBatch},
                                               {"pullClearStatus", &RunPullClearStatus}};
  return *tasks;
}

prometheus::Counter& TaskCounter(const std::string& task, bool ok) {
  static auto& tasks = prometheus::BuildCounter()
                           .Name("egg_tasks_total")
                           .Help("Tasks that ended, by name and result")
                           .Register(Metrics());
  return tasks.Add({{"task", task}, {"result", ok ? "ok" : "error"}});
}

absl::Status Shortened(const absl::Status& status) {
  std::string text = Message(status);
  if (text.size() <= kMaxErrorBytes) return status;
  return absl::Status(status.code(), text.substr(0, kMaxErrorBytes) + " ...");
}

// Counts and logs the end of a task, then answers.
TaskRespond Watched(const TaskCall& call, rpc::Respond respond) {
  return [name = call.task.name(), id = call.task.id(), cancelled = call.cancelled,
          respond = std::move(respond)](absl::StatusOr<std::string> result) {
    TaskCounter(name, result.ok()).Increment();
    if (!result.ok()) {
      log::Warning("{} {}: {}{}", name, id, ToText(result.status()),
                   *cancelled ? " (the client has left)" : "");
      return respond(Shortened(result.status()));
    }
    log::Debug("{} {}: done", name, id);
    respond(std::move(result));
  };
}

EggOptions WithOperators(EggOptions options) {
  static const compute::OperatorRegistry kNone;
  if (options.operators == nullptr) options.operators = &kNone;
  return options;
}

}  // namespace

class TaskExecutor::Impl {
 public:
  explicit Impl(EggOptions options)
      : egg_(WithOperators(std::move(options))), transfer_(&egg_.brokers, &egg_.threads) {}

  void Run(std::string bytes, CancelFlag cancelled, rpc::Respond respond) {
    auto call = std::make_shared<TaskCall>(TaskCall{egg_, {}, std::move(bytes), cancelled});
    if (!call->task.ParseFromString(call->bytes)) {
      return respond(InvalidArgumentError("the argument of {} is no Task", kRunTask));
    }
    const std::string& name = call->task.name();
    auto body = ThreadTasks().find(name);
    if (body != ThreadTasks().end()) return RunOnThread(body->second, call, std::move(respond));
    if (name == "pullGetHeader") return RunPullGetHeader(*call, Watched(*call, std::move(respond)));
    if (name == "pullGetPartitionStatus") {
      return RunPullGetPartitionStatus(*call, Watched(*call, std::move(respond)));
    }
    respond(NotFoundError("no handler for task:{}", Escape(name)));
  }

  EggState& egg() { return egg_; }
  TransferService& transfer() { return transfer_; }

 private:
  void RunOnThread(TaskBody body, const std::shared_ptr<TaskCall>& call, rpc::Respond respond) {
    TaskRespond answer = Watched(*call, std::move(respond));
    absl::Status started = egg_.threads.Start([this, body, call, answer] {
      log::Scope scope({.job = call->task.job().id(), .session = egg_.options.session_id});
      answer(body(*call));
    });
    if (!started.ok()) answer(started);
  }

  EggState egg_;
  TransferService transfer_;
};

TaskExecutor::TaskExecutor(EggOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
TaskExecutor::~TaskExecutor() = default;

void TaskExecutor::Register(rpc::CommandService& commands) {
  commands.Register(kRunTask, [this](const rpc::CommandCall& call, rpc::Respond respond) {
    RunTask(call.argument, call.cancelled, std::move(respond));
  });
}

grpc::Service* TaskExecutor::transfer_service() { return impl_->transfer().service(); }
void TaskExecutor::Close() { impl_->egg().room.Close(); }
void TaskExecutor::RunTask(std::string bytes, CancelFlag cancelled, rpc::Respond respond) {
  impl_->Run(std::move(bytes), std::move(cancelled), std::move(respond));
}
int TaskExecutor::running_tasks() const { return impl_->egg().threads.running(); }
size_t TaskExecutor::open_tags() const { return impl_->egg().brokers.size(); }

}  // namespace fate::egg
