#include "compute/operators.h"

#include "base/status.h"

namespace fate::compute {
namespace {

absl::Status Identity(const OperatorContext& context, PairReader& input, PairWriter& output) {
  while (input.Next()) {
    if (*context.cancelled) return CancelledError("identity was cancelled");
    RETURN_IF_ERROR(output.Put(input.key(), input.value()));
  }
  return input.status();
}

absl::StatusOr<std::string> Count(const OperatorContext& context, PairReader& input) {
  int64_t count = 0;
  while (input.Next()) {
    if (*context.cancelled) return CancelledError("count was cancelled");
    ++count;
  }
  RETURN_IF_ERROR(input.status());
  return std::to_string(count);
}

// Pairs of the left side whose key the right side has too. Both are sorted by key.
absl::Status Intersect(const OperatorContext& context, PairReader& left, PairReader& right,
                       PairWriter& output) {
  bool more = right.Next();
  while (left.Next()) {
    if (*context.cancelled) return CancelledError("intersect was cancelled");
    while (more && right.key() < left.key()) more = right.Next();
    if (!more) break;
    if (right.key() == left.key()) RETURN_IF_ERROR(output.Put(left.key(), left.value()));
  }
  RETURN_IF_ERROR(left.status());
  return right.status();
}

absl::StatusOr<std::string> Last(const std::string&, std::string_view, std::string_view newest) {
  return std::string(newest);
}

}  // namespace

void RegisterBuiltinOperators(OperatorRegistry& registry) {
  registry.AddMap("identity", &Identity);
  registry.AddJoin("intersect", &Intersect);
  registry.AddFold("count", &Count);
  registry.AddMerge("last", &Last);
}

}  // namespace fate::compute
