#pragma once

// Calls of the flow API (spec/fate-flow.md 3, 5) as the command-line tool makes them.

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fate::cli {

using Json = nlohmann::ordered_json;
using Query = std::vector<std::pair<std::string, std::string>>;

class FlowClient {
 public:
  // base_url: "http://127.0.0.1:9380".
  explicit FlowClient(std::string base_url) : base_url_(std::move(base_url)) {}
  const std::string& base_url() const { return base_url_; }

  // The whole answer. Errors: kUnavailable "cannot reach fateflow at ...", kInternal for an
  // answer that is no JSON object, kFailedPrecondition "<message> (code <code>)" for a code
  // other than 0.
  absl::StatusOr<Json> Get(const std::string& path, const Query& query = {}) const;
  absl::StatusOr<Json> Post(const std::string& path, const Json& body) const;
  absl::StatusOr<Json> PostForm(const std::string& path, const Query& fields,
                                const std::string& file_path) const;
  // The answer without judging its code (submit answers with a job id even when it failed).
  absl::StatusOr<Json> PostRaw(const std::string& path, const Json& body) const;
  // Writes the body of a download to `file`. Error as above when the answer is JSON.
  absl::Status Download(const std::string& method, const std::string& path, const Json& body,
                        const std::string& file) const;

  // The site's own party id.
  absl::StatusOr<std::string> PartyId() const;

 private:
  std::string base_url_;
};

}  // namespace fate::cli
