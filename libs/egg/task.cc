#include "egg/task.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/text.h"
#include "wire/pair_batch.h"

namespace fate::egg {
namespace {

template <class Repeated>
auto Element(const Repeated& field, int i, const char* what, const meta::Task& task)
    -> absl::StatusOr<decltype(&field.Get(0))> {
  if (i < field.size()) return &field.Get(i);
  return InvalidArgumentError("task {} has {} {}, {} needs at least {}", task.id(), field.size(),
                              what, task.name(), i + 1);
}

}  // namespace

absl::StatusOr<const meta::Functor*> TaskCall::Functor(int i) const {
  return Element(task.job().functors(), i, "functors", task);
}
absl::StatusOr<const meta::Partition*> TaskCall::Input(int i) const {
  return Element(task.inputs(), i, "input partitions", task);
}
absl::StatusOr<const meta::Partition*> TaskCall::Output(int i) const {
  return Element(task.outputs(), i, "output partitions", task);
}

absl::StatusOr<kv::Store> TaskCall::Open(const meta::Partition& partition) const {
  ASSIGN_OR_RETURN(std::string path, CheckedPath(egg.options, partition));
  return kv::Store::Open(path);
}

absl::StatusOr<compute::PairReader> TaskCall::Scan(const meta::Partition& partition) const {
  ASSIGN_OR_RETURN(kv::Store store, Open(partition));
  ASSIGN_OR_RETURN(kv::Cursor cursor, store.Scan());
  return compute::PairReader(std::move(cursor));
}

compute::OperatorContext TaskCall::Context(const meta::Partition& input,
                                           std::string parameters) const {
  return {.session_id = egg.options.session_id,
          .partition = input.id(),
          .partitions = input.storelocator().total_partitions(),
          .parameters = std::move(parameters),
          .task = &task,
          .properties = egg.options.properties,
          .data_dir = egg.options.data_dir,
          .cancelled = cancelled.get()};
}

absl::StatusOr<std::string> OperatorName(const meta::Functor& functor) {
  constexpr std::string_view kPrefix = compute::kNativePrefix;
  if (functor.name().starts_with(kPrefix)) return functor.name().substr(kPrefix.size());
  return absl::UnknownError(
      fmt::format("functor '{}': Python functors need a Python worker, which is not configured",
                  Escape(functor.name())));
}

absl::StatusOr<std::string> CheckedPath(const EggOptions& options,
                                        const meta::Partition& partition) {
  const meta::StoreLocator& locator = partition.storelocator();
  if (locator.store_type() != "LMDB" && locator.store_type() != "IN_MEMORY") {
    return UnimplementedError(
        "store type '{}' of table {}/{} is not supported; use LMDB or IN_MEMORY",
        Escape(locator.store_type()), Escape(locator.namespace_()), Escape(locator.name()));
  }
  ASSIGN_OR_RETURN(StoreName name, StoreName::Parse(locator.namespace_(), locator.name()));
  if (name.name() == "*") return InvalidArgumentError("'*' is no name of one table");
  if (partition.id() < 0 || partition.id() >= kMaxPartitions) {
    return InvalidArgumentError("partition {} of table {} is not between 0 and {}", partition.id(),
                                name.ToString(), kMaxPartitions - 1);
  }
  return kv::PartitionPath(options.data_dir, locator.store_type(), name, partition.id());
}

absl::StatusOr<int64_t> StoreBatch(std::string_view batch, kv::Writer& writer) {
  ASSIGN_OR_RETURN(auto reader, wire::PairBatchReader::Open(batch));
  int64_t pairs = 0;
  for (; reader.Next(); ++pairs) RETURN_IF_ERROR(writer.Put(reader.key(), reader.value()));
  RETURN_IF_ERROR(reader.status());
  return pairs;
}

}  // namespace fate::egg
