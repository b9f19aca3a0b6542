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

absl::StatusOr<std::string> Last(const std::string&, std::string_view, std::string_view newest) {
  return std::string(newest);
}

}  // namespace

void RegisterBuiltinOperators(OperatorRegistry& registry) {
  registry.AddMap("identity", &Identity);
  registry.AddFold("count", &Count);
  registry.AddMerge("last", &Last);
}

}  // namespace fate::compute
