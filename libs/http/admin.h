#pragma once

// The admin address of a daemon: GET /healthz ("ok" or 503 with the reason) and /metrics.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "http/server.h"

namespace fate::http {

// The answer to /healthz and /metrics, false when the path is another.
bool AnswerAdmin(const Request& request, const std::function<absl::Status()>& health,
                 Response* response);

absl::StatusOr<std::unique_ptr<Server>> StartAdmin(const std::string& host, int port,
                                                   std::function<absl::Status()> health);

}  // namespace fate::http
