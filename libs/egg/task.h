#pragma once

// One running task and what it may use. Tasks are functions of a TaskCall: they run on a thread
// of their own, may block, and end soon after `cancelled` turns true.

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "base/status.h"
#include "compute/operators.h"
#include "egg/broker.h"
#include "egg/status_board.h"
#include "egg/threads.h"
#include "egg/waiting_room.h"
#include "eggroll/meta.pb.h"
#include "kv/store.h"

namespace fate::egg {

namespace meta = com::webank::eggroll::core::meta;

struct EggOptions {
  std::string session_id;
  std::string data_dir;
  int64_t server_node_id = 0;
  const Properties* properties = nullptr;
  const compute::OperatorRegistry* operators = nullptr;  // nullptr: none
  int max_threads = 5000;
};

// What the tasks of one egg share.
struct EggState {
  explicit EggState(EggOptions o)
      : options(std::move(o)), brokers(&room), board(&room), threads(options.max_threads) {}
  const EggOptions options;
  WaitingRoom room;
  BrokerRegistry brokers;
  StatusBoard board;
  Threads threads;  // destroyed first: waits for the tasks
};

struct TaskCall {
  EggState& egg;
  meta::Task task;
  std::string bytes;  // the serialized task, which is also the answer of tasks without a result
  CancelFlag cancelled;

  // The i-th functor, input or output. Error: kInvalidArgument naming what is missing.
  absl::StatusOr<const meta::Functor*> Functor(int i) const;
  absl::StatusOr<const meta::Partition*> Input(int i) const;
  absl::StatusOr<const meta::Partition*> Output(int i) const;
  absl::StatusOr<kv::Store> Open(const meta::Partition& partition) const;
  absl::StatusOr<compute::PairReader> Scan(const meta::Partition& partition) const;
  // For an operator that works on `input`.
  compute::OperatorContext Context(const meta::Partition& input, std::string parameters) const;
};

// Calls an operator. Operators come from several libraries; what one throws becomes an error of
// its task.
template <class Operator, class... Arguments>
auto CallOperator(const Operator& op, Arguments&&... arguments)
    -> decltype(op(std::forward<Arguments>(arguments)...)) {
  try {
    return op(std::forward<Arguments>(arguments)...);
  } catch (const std::exception& error) {
    return InternalError("an operator has thrown: {}", error.what());
  }
}

// The native operator a functor names. Error: kUnknown for Python code.
absl::StatusOr<std::string> OperatorName(const meta::Functor& functor);

// <data dir>/<type>/<namespace>/<name>/<partition>, all of it checked.
absl::StatusOr<std::string> CheckedPath(const EggOptions& options,
                                        const meta::Partition& partition);

// Puts the pairs of a batch; the number of pairs.
absl::StatusOr<int64_t> StoreBatch(std::string_view batch, kv::Writer& writer);

// The tasks of section 6 that run on threads.
using TaskBody = absl::StatusOr<std::string> (*)(TaskCall& call);
absl::StatusOr<std::string> RunGet(TaskCall& call);
absl::StatusOr<std::string> RunPut(TaskCall& call);
absl::StatusOr<std::string> RunDelete(TaskCall& call);
absl::StatusOr<std::string> RunCount(TaskCall& call);
absl::StatusOr<std::string> RunGetAll(TaskCall& call);
absl::StatusOr<std::string> RunPutAll(TaskCall& call);
absl::StatusOr<std::string> RunDestroy(TaskCall& call);
absl::StatusOr<std::string> RunReduce(TaskCall& call);
absl::StatusOr<std::string> RunMap(TaskCall& call);
absl::StatusOr<std::string> RunJoin(TaskCall& call);
absl::StatusOr<std::string> RunWithStores(TaskCall& call);
absl::StatusOr<std::string> RunPutBatch(TaskCall& call);
absl::StatusOr<std::string> RunPullClearStatus(TaskCall& call);

// A map with shuffle (section 9).
absl::Status RunShuffle(TaskCall& call);

// Tasks that answer later and hold no thread meanwhile.
using TaskRespond = std::function<void(absl::StatusOr<std::string>)>;
void RunPullGetHeader(const TaskCall& call, TaskRespond respond);
void RunPullGetPartitionStatus(const TaskCall& call, TaskRespond respond);

}  // namespace fate::egg
