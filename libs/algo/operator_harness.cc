#include "algo/operator_harness.h"

#include <stdlib.h>

#include <filesystem>

#include "algo/registry.h"
#include "base/status.h"
#include "kv/store.h"

namespace fate::algo {
namespace {

compute::OperatorRegistry AllOperators() {
  compute::OperatorRegistry registry;
  RegisterAllOperators(registry);
  return registry;
}

compute::OperatorContext Context(const std::string& parameters, int partition, int partitions) {
  compute::OperatorContext context;
  context.session_id = "harness";
  context.partition = partition;
  context.partitions = partitions;
  context.parameters = parameters;
  return context;
}

compute::PairWriter Collect(Pairs& pairs) {
  return compute::PairWriter([&pairs](std::string_view key, std::string_view value) {
    pairs.emplace_back(key, value);
    return absl::OkStatus();
  });
}

}  // namespace

OperatorHarness::OperatorHarness() : OperatorHarness(AllOperators()) {}

OperatorHarness::OperatorHarness(compute::OperatorRegistry registry)
    : registry_(std::move(registry)) {
  std::string folder = std::filesystem::temp_directory_path() / "fate_operators_XXXXXX";
  folder_ = mkdtemp(folder.data());
}

OperatorHarness::~OperatorHarness() { std::filesystem::remove_all(folder_); }

compute::PairReader OperatorHarness::Read(const Pairs& pairs) {
  auto store = kv::Store::Open(folder_ + "/" + std::to_string(stores_++)).value();
  auto writer = store.Write().value();
  for (const auto& [key, value] : pairs) {
    if (auto status = writer.Put(key, value); !status.ok()) std::abort();
  }
  if (auto status = writer.Commit(); !status.ok()) std::abort();
  return compute::PairReader(store.Scan().value());
}

absl::StatusOr<Pairs> OperatorHarness::Map(const std::string& op, const std::string& parameters,
                                           const Pairs& input, int partition, int partitions) {
  const auto* found = registry_.FindMap(op);
  if (found == nullptr) return NotFoundError("no map operator {}", op);
  Pairs output;
  auto reader = Read(input);
  auto writer = Collect(output);
  RETURN_IF_ERROR((*found)(Context(parameters, partition, partitions), reader, writer));
  return output;
}

absl::StatusOr<Pairs> OperatorHarness::Join(const std::string& op, const std::string& parameters,
                                            const Pairs& left, const Pairs& right) {
  const auto* found = registry_.FindJoin(op);
  if (found == nullptr) return NotFoundError("no join operator {}", op);
  Pairs output;
  auto left_reader = Read(left), right_reader = Read(right);
  auto writer = Collect(output);
  RETURN_IF_ERROR((*found)(Context(parameters, 0, 1), left_reader, right_reader, writer));
  return output;
}

absl::StatusOr<std::string> OperatorHarness::Fold(const std::string& op,
                                                  const std::string& parameters,
                                                  const Pairs& input) {
  const auto* found = registry_.FindFold(op);
  if (found == nullptr) return NotFoundError("no fold operator {}", op);
  auto reader = Read(input);
  return (*found)(Context(parameters, 0, 1), reader);
}

}  // namespace fate::algo
