#pragma once

// Moves between statuses by name, as rows and requests hold them (spec/fate-flow.md 11).
// An unknown name can neither be left nor reached.

#include <string_view>

namespace fate::flow {

bool CanJobMove(std::string_view from, std::string_view to);
bool CanTaskMove(std::string_view from, std::string_view to);
// canceled, timeout, failed, pass, success.
bool IsEnd(std::string_view status);

}  // namespace fate::flow
