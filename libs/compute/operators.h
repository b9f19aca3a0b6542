#pragma once

// Native operators: what an egg runs on the partitions it holds. An operator has a name and
// protobuf parameters; on the wire it is Functor{name: "native:<name>", body: parameters}.
// Libraries of a higher floor register theirs at start-up:
//
//   void RegisterToyOperators(compute::OperatorRegistry& registry) {
//     registry.AddMap("toy.share", &Share);
//   }
//
// Operators run on a thread of their own, may block, must look at context.cancelled in long
// loops, and must not keep views past their return.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/properties.h"
#include "eggroll/meta.pb.h"
#include "kv/store.h"

namespace fate::compute {

struct OperatorContext {
  std::string session_id;
  int partition = 0;       // id of the input partition
  int partitions = 0;      // of the input store
  std::string parameters;  // serialized protobuf of the operator
  const com::webank::eggroll::core::meta::Task* task = nullptr;
  const Properties* properties = nullptr;  // the egg's eggroll.properties
  std::string data_dir;
  const std::atomic<bool>* cancelled = nullptr;
};

// Pairs of one partition in key order. Views stay valid until the reader is destroyed.
class PairReader {
 public:
  explicit PairReader(kv::Cursor cursor) : cursor_(std::move(cursor)) {}
  bool Next() { return cursor_.Next(); }
  std::string_view key() const { return cursor_.key(); }
  std::string_view value() const { return cursor_.value(); }
  // Why Next() returned false: OK at the end of the partition.
  absl::Status status() const { return cursor_.status(); }

 private:
  kv::Cursor cursor_;
};

// Takes the pairs an operator produces; where they go (a partition, a shuffle) is the egg's
// business. Ascending keys are stored fastest. Error: what the destination said; stop then.
class PairWriter {
 public:
  using Sink = std::function<absl::Status(std::string_view key, std::string_view value)>;
  explicit PairWriter(Sink sink) : sink_(std::move(sink)) {}
  absl::Status Put(std::string_view key, std::string_view value) {
    ++count_;
    return sink_(key, value);
  }
  int64_t count() const { return count_; }

 private:
  Sink sink_;
  int64_t count_ = 0;
};

// partition -> partition (non-shuffle) or partition -> all partitions (shuffle)
using MapOperator =
    std::function<absl::Status(const OperatorContext&, PairReader& input, PairWriter& output)>;
// two partitions with the same number -> one
using JoinOperator = std::function<absl::Status(const OperatorContext&, PairReader& left,
                                                PairReader& right, PairWriter& output)>;
// partition -> one value; an empty result means "no value"
using FoldOperator =
    std::function<absl::StatusOr<std::string>(const OperatorContext&, PairReader& input)>;
// the value a key gets when a shuffle sends it two, be it from one source partition or from two;
// called again for each further one
using MergeOperator = std::function<absl::StatusOr<std::string>(
    const std::string& parameters, std::string_view old_value, std::string_view new_value)>;
// several partitions with the same number, opened by the operator itself -> one value.
// `inputs[i]` reads partition `context.partition` of the i-th store.
using StoresOperator = std::function<absl::StatusOr<std::string>(const OperatorContext&,
                                                                 std::vector<PairReader>& inputs)>;

class OperatorRegistry {
 public:
  void AddMap(std::string name, MapOperator op) { maps_[std::move(name)] = std::move(op); }
  void AddJoin(std::string name, JoinOperator op) { joins_[std::move(name)] = std::move(op); }
  void AddFold(std::string name, FoldOperator op) { folds_[std::move(name)] = std::move(op); }
  void AddMerge(std::string name, MergeOperator op) { merges_[std::move(name)] = std::move(op); }
  void AddStores(std::string name, StoresOperator op) { stores_[std::move(name)] = std::move(op); }

  // nullptr when the name is unknown.
  const MapOperator* FindMap(const std::string& name) const { return Find(maps_, name); }
  const JoinOperator* FindJoin(const std::string& name) const { return Find(joins_, name); }
  const FoldOperator* FindFold(const std::string& name) const { return Find(folds_, name); }
  const MergeOperator* FindMerge(const std::string& name) const { return Find(merges_, name); }
  const StoresOperator* FindStores(const std::string& name) const { return Find(stores_, name); }

 private:
  template <class Operator>
  static const Operator* Find(const std::map<std::string, Operator>& map, const std::string& name) {
    auto it = map.find(name);
    return it == map.end() ? nullptr : &it->second;
  }
  std::map<std::string, MapOperator> maps_;
  std::map<std::string, JoinOperator> joins_;
  std::map<std::string, FoldOperator> folds_;
  std::map<std::string, MergeOperator> merges_;
  std::map<std::string, StoresOperator> stores_;
};

// Every native functor name on the wire begins with this.
inline constexpr char kNativePrefix[] = "native:";

// map "identity" (copy, repartition), join "intersect" (pairs of the left whose key the right has),
// fold "count", merge "last": always present.
void RegisterBuiltinOperators(OperatorRegistry& registry);

}  // namespace fate::compute
