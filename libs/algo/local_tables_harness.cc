#include "algo/local_tables_harness.h"

#include <stdlib.h>

#include <filesystem>

#include "algo/registry.h"
#include "base/status.h"
#include "dataframe/row.h"
#include "fate/dataframe.pb.h"
#include "wire/partitioner.h"

namespace fate::algo {
namespace {

using compute::PairReader;
using compute::PairWriter;

compute::OperatorContext Context(const std::string& parameters, size_t partition,
                                 size_t partitions) {
  compute::OperatorContext context;
  context.session_id = "harness";
  context.partition = static_cast<int>(partition);
  context.partitions = static_cast<int>(partitions);
  context.parameters = parameters;
  return context;
}

PairReader Open(const kv::Store& store) { return PairReader(store.Scan().value()); }

}  // namespace

LocalTables::LocalTables() {
  RegisterAllOperators(registry_);
  // The engine's own (compute/operators.h).
  registry_.AddMap("identity", [](const auto&, PairReader& input, PairWriter& output) {
    while (input.Next()) RETURN_IF_ERROR(output.Put(input.key(), input.value()));
    return input.status();
  });
  std::string folder = std::filesystem::temp_directory_path() / "fate_tables_XXXXXX";
  folder_ = mkdtemp(folder.data());
}

LocalTables::~LocalTables() { std::filesystem::remove_all(folder_); }

LocalTable LocalTables::Empty(size_t partitions) {
  LocalTable table;
  for (size_t i = 0; i < partitions; ++i) {
    table.partitions.push_back(kv::Store::Open(folder_ + "/" + std::to_string(stores_++)).value());
  }
  return table;
}

LocalTable LocalTables::Put(const Pairs& pairs, int partitions) {
  LocalTable table = Empty(static_cast<size_t>(partitions));
  std::vector<kv::Writer> writers;
  for (auto& store : table.partitions) writers.push_back(store.Write().value());
  for (const auto& [key, value] : pairs) {
    const int partition = wire::Partitioner::Mmh3().PartitionOf(key, partitions);
    if (!writers[static_cast<size_t>(partition)].Put(key, value).ok()) std::abort();
  }
  for (auto& writer : writers) {
    if (!writer.Commit().ok()) std::abort();
  }
  return table;
}

LocalTable LocalTables::Frame(const std::vector<dataframe::Row>& rows, int partitions) {
  Pairs pairs;
  for (const auto& row : rows) pairs.emplace_back(row.sample_id, dataframe::EncodeRow(row));
  BlocksFromRows parameters;
  parameters.set_columns(rows.empty() ? 0 : static_cast<uint32_t>(rows[0].values.size()));
  parameters.set_has_label(!rows.empty() && rows[0].label.has_value());
  return Map(Put(pairs, partitions), "dataframe.blocks_from_rows", parameters.SerializeAsString())
      .value();
}

absl::StatusOr<LocalTable> LocalTables::Map(const LocalTable& input, const std::string& op,
                                            const std::string& parameters) {
  LocalTable output = Empty(input.partitions.size());
  for (size_t i = 0; i < input.partitions.size(); ++i) {
    kv::Writer store = output.partitions[i].Write().value();
    PairWriter writer(
        [&](std::string_view key, std::string_view value) { return store.Put(key, value); });
    PairReader reader = Open(input.partitions[i]);
    RETURN_IF_ERROR(
        (*registry_.FindMap(op))(Context(parameters, i, input.partitions.size()), reader, writer));
    RETURN_IF_ERROR(store.Commit());
  }
  return output;
}

absl::StatusOr<LocalTable> LocalTables::Shuffle(const LocalTable& input, const std::string& op,
                                                const std::string& parameters,
                                                const std::string& merge) {
  const size_t partitions = input.partitions.size();
  LocalTable output = Empty(partitions);
  std::vector<kv::Writer> stores;
  for (auto& store : output.partitions) stores.push_back(store.Write().value());
  PairWriter writer([&](std::string_view key, std::string_view value) -> absl::Status {
    const int to = wire::Partitioner::Mmh3().PartitionOf(key, static_cast<int>(partitions));
    kv::Writer& store = stores[static_cast<size_t>(to)];
    ASSIGN_OR_RETURN(const auto old, store.Get(key));
    if (!old || merge.empty()) return store.Put(key, value);
    ASSIGN_OR_RETURN(const std::string both, (*registry_.FindMerge(merge))("", *old, value));
    return store.Put(key, both);
  });
  for (size_t i = 0; i < partitions; ++i) {
    PairReader reader = Open(input.partitions[i]);
    RETURN_IF_ERROR((*registry_.FindMap(op))(Context(parameters, i, partitions), reader, writer));
  }
  for (auto& store : stores) RETURN_IF_ERROR(store.Commit());
  return output;
}

absl::StatusOr<LocalTable> LocalTables::Join(const LocalTable& left, const LocalTable& right,
                                             const std::string& op) {
  LocalTable output = Empty(left.partitions.size());
  for (size_t i = 0; i < left.partitions.size(); ++i) {
    kv::Writer store = output.partitions[i].Write().value();
    PairWriter writer(
        [&](std::string_view key, std::string_view value) { return store.Put(key, value); });
    PairReader left_reader = Open(left.partitions[i]), right_reader = Open(right.partitions[i]);
    RETURN_IF_ERROR((*registry_.FindJoin(op))(Context("", i, left.partitions.size()), left_reader,
                                              right_reader, writer));
    RETURN_IF_ERROR(store.Commit());
  }
  return output;
}

absl::StatusOr<std::vector<std::string>> LocalTables::Fold(const LocalTable& input,
                                                           const std::string& op,
                                                           const std::string& parameters) {
  std::vector<std::string> results;
  for (size_t i = 0; i < input.partitions.size(); ++i) {
    PairReader reader = Open(input.partitions[i]);
    ASSIGN_OR_RETURN(
        std::string result,
        (*registry_.FindFold(op))(Context(parameters, i, input.partitions.size()), reader));
    if (!result.empty()) results.push_back(std::move(result));
  }
  return results;
}

absl::StatusOr<std::vector<std::string>> LocalTables::WithStores(const LocalTable& input,
                                                                 const LocalTable& other,
                                                                 const std::string& op,
                                                                 const std::string& parameters) {
  std::vector<std::string> results;
  for (size_t i = 0; i < input.partitions.size(); ++i) {
    std::vector<PairReader> readers;
    readers.push_back(Open(input.partitions[i]));
    readers.push_back(Open(other.partitions[i]));
    ASSIGN_OR_RETURN(
        std::string result,
        (*registry_.FindStores(op))(Context(parameters, i, input.partitions.size()), readers));
    results.push_back(std::move(result));
  }
  return results;
}

Pairs LocalTables::Read(const LocalTable& table) {
  Pairs pairs;
  for (const auto& store : table.partitions) {
    PairReader reader = Open(store);
    while (reader.Next()) pairs.emplace_back(reader.key(), reader.value());
  }
  return pairs;
}

std::vector<dataframe::Row> LocalTables::ReadFrame(const LocalTable& table) {
  std::vector<dataframe::Row> rows;
  for (const auto& [key, value] : Read(table)) {
    const auto block = dataframe::Block::Decode(value).value();
    for (size_t row = 0; row < block.rows(); ++row) rows.push_back(block.ToRow(row));
  }
  return rows;
}

}  // namespace fate::algo
