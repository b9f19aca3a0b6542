#pragma once

// Reads multipart/form-data bodies (RFC 7578) where they lie: in memory or in the file the HTTP
// server spooled. A body that claims to be multipart but is not is an error, never half read.

#include <string>

#include "fateflow/answer.h"
#include "http/server.h"

namespace fate::flow {

// Text parts by name; {} for another content type. Error: kInvalidArgument.
absl::StatusOr<Json> FormFields(const http::Request& request);

// Writes the first part that carries a file name, and is called `field`, to `path`.
// Error: code 5007 "No Found File" when the request has none.
absl::Status SaveFormFile(const http::Request& request, const std::string& field,
                          const std::string& path);

}  // namespace fate::flow
