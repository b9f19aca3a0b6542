#include "fateflow/lifecycle.h"

#include "scheduler/status.h"

namespace fate::flow {

using scheduler::ParseStatus;

bool CanJobMove(std::string_view from, std::string_view to) {
  auto old_status = ParseStatus(from), new_status = ParseStatus(to);
  return old_status && new_status && scheduler::CanJobMove(*old_status, *new_status);
}

bool CanTaskMove(std::string_view from, std::string_view to) {
  auto old_status = ParseStatus(from), new_status = ParseStatus(to);
  return old_status && new_status && scheduler::CanTaskMove(*old_status, *new_status);
}

bool IsEnd(std::string_view status) {
  auto parsed = ParseStatus(status);
  return parsed && scheduler::IsEnd(*parsed);
}

}  // namespace fate::flow
