#include "algo/rows.h"

#include "base/status.h"

namespace fate::algo {

absl::Status CheckCancelled(const compute::OperatorContext& context) {
  if (context.cancelled != nullptr && *context.cancelled) {
    return CancelledError("the session {} was stopped", context.session_id);
  }
  return absl::OkStatus();
}

std::string RowKey(int64_t number) {
  std::string key(8, '\0');
  for (int i = 7; i >= 0; --i, number >>= 8) key[size_t(i)] = char(number & 0xff);
  return key;
}

absl::Status MergeJoin(
    const compute::OperatorContext& context, compute::PairReader& left, compute::PairReader& right,
    const std::function<absl::Status(std::string_view, std::string_view, std::string_view)>& take) {
  bool more = left.Next() && right.Next();
  for (int64_t step = 0; more; ++step) {
    if (step % kRowsBetweenChecks == 0) RETURN_IF_ERROR(CheckCancelled(context));
    int order = left.key().compare(right.key());
    if (order == 0) RETURN_IF_ERROR(take(left.key(), left.value(), right.value()));
    more = order < 0 ? left.Next() : order > 0 ? right.Next() : left.Next() && right.Next();
  }
  RETURN_IF_ERROR(left.status());
  return right.status();
}

}  // namespace fate::algo
