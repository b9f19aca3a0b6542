#pragma once

// Blocking HTTP client (libcurl). Thread-safe; connections are reused per thread.

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fate::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  absl::Duration timeout = absl::Seconds(30);
  std::string save_to;  // write the answer's body to this file instead
  // multipart/form-data: fields, then files (field name, path)
  std::vector<std::pair<std::string, std::string>> form_fields;
  std::vector<std::pair<std::string, std::string>> form_files;
};

struct ClientResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case keys
  std::string body;
};

// Errors: kUnavailable (connection refused or lost), kDeadlineExceeded; the text names the URL.
absl::StatusOr<ClientResponse> Fetch(const ClientRequest& request);

// Percent-encodes one query value.
std::string UrlEncode(const std::string& text);

}  // namespace fate::http
