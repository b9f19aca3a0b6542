#pragma once

// Errors as values: absl::Status and absl::StatusOr, two macros and constructors that format.
//
//   RETURN_IF_ERROR(file.Write(block));
//   ASSIGN_OR_RETURN(auto table, session.Load(name));
//   return NotFoundError("no route to party {} role {}; add it to {}", party, role, file);
//
// A message says what was tried, on what, and what to do. Debian's abseil keeps its own
// string_view; this project uses std::string_view and converts at abseil's border
// (status text: Message(status)).

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define FATE_CONCAT_INNER(a, b) a##b
#define FATE_CONCAT(a, b) FATE_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression)                           \
  do {                                                        \
    if (absl::Status status_ = (expression); !status_.ok()) { \
      return status_;                                         \
    }                                                         \
  } while (false)

#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_IMPL(FATE_CONCAT(status_or_, __LINE__), declaration, expression)

#define ASSIGN_OR_RETURN_IMPL(result, declaration, expression) \
  auto result = (expression);                                  \
  if (!result.ok()) return std::move(result).status();         \
  declaration = *std::move(result)

namespace fate {

inline std::string Message(const absl::Status& status) { return std::string(status.message()); }

// "NOT_FOUND: no route ..." for logs.
inline std::string ToText(const absl::Status& status) { return status.ToString(); }

#define FATE_STATUS_CONSTRUCTOR(Name, code_)                               \
  template <class... Args>                                                 \
  absl::Status Name(fmt::format_string<Args...> format, Args&&... args) {  \
    return absl::Status(absl::StatusCode::code_,                           \
                        fmt::format(format, std::forward<Args>(args)...)); \
  }
FATE_STATUS_CONSTRUCTOR(InvalidArgumentError, kInvalidArgument)
FATE_STATUS_CONSTRUCTOR(NotFoundError, kNotFound)
FATE_STATUS_CONSTRUCTOR(AlreadyExistsError, kAlreadyExists)
FATE_STATUS_CONSTRUCTOR(FailedPreconditionError, kFailedPrecondition)
FATE_STATUS_CONSTRUCTOR(ResourceExhaustedError, kResourceExhausted)
FATE_STATUS_CONSTRUCTOR(PermissionDeniedError, kPermissionDenied)
FATE_STATUS_CONSTRUCTOR(UnavailableError, kUnavailable)
FATE_STATUS_CONSTRUCTOR(DeadlineExceededError, kDeadlineExceeded)
FATE_STATUS_CONSTRUCTOR(CancelledError, kCancelled)
FATE_STATUS_CONSTRUCTOR(UnimplementedError, kUnimplemented)
FATE_STATUS_CONSTRUCTOR(InternalError, kInternal)
FATE_STATUS_CONSTRUCTOR(OutOfRangeError, kOutOfRange)
FATE_STATUS_CONSTRUCTOR(DataLossError, kDataLoss)
#undef FATE_STATUS_CONSTRUCTOR

// The same code with "context: " before the text.
inline absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  return absl::Status(status.code(), fmt::format("{}: {}", context, Message(status)));
}

}  // namespace fate
