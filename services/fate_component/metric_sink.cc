#include "fate_component/metric_sink.h"

#include "absl/time/clock.h"
#include "base/status.h"
#include "fate_component/files.h"
#include "fate_component/json_fields.h"
#include "fate_component/task_config.h"
#include "http/client.h"

namespace fate::component {
namespace {

using nlohmann::json;

constexpr absl::Duration kFirstPause = absl::Milliseconds(100), kLongestPause = absl::Seconds(2);
constexpr absl::Duration kCallTimeout = absl::Seconds(10);

// kUnavailable: worth another try.
absl::Status PostOnce(const http::ClientRequest& request) {
  auto response = http::Fetch(request);
  if (!response.ok()) return UnavailableError("{}", Message(response.status()));
  if (response->status >= 500) {
    return UnavailableError("{} answered with HTTP {}", request.url, response->status);
  }
  json answer = json::parse(response->body, nullptr, false);
  if (response->status == 200 && Member(answer, "code") == 0) return absl::OkStatus();
  return InvalidArgumentError("{} refused a metric: HTTP {} {}", request.url, response->status,
                              response->body.substr(0, 200));
}

}  // namespace

MetricSink::MetricSink(std::string uri, absl::Duration patience)
    : uri_(std::move(uri)), patience_(patience) {}

absl::Status MetricSink::Post(const json& record) const {
  http::ClientRequest request;
  request.method = "POST";
  request.url = uri_;
  request.headers = {{"Content-Type", "application/json"}};
  request.body = json{{"data", {record}}}.dump(-1, ' ', false, json::error_handler_t::replace);
  request.timeout = kCallTimeout;
  absl::Time give_up = absl::Now() + patience_;
  for (absl::Duration pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
    absl::Status status = PostOnce(request);
    if (status.code() != absl::StatusCode::kUnavailable || absl::Now() + pause > give_up) {
      return Annotate(status, "cannot post a metric to the flow server");
    }
    absl::SleepFor(pause);
  }
}

absl::Status MetricSink::Send(const std::string& name, const std::string& type, const json& data) {
  json record = {{"name", name},
                 {"type", type.empty() ? json() : json(type)},
                 {"groups", {{{"name", "default"}, {"index", nullptr}}}},
                 {"step_axis", nullptr},
                 {"data", data}};
  if (uri_.starts_with("http://")) return Post(record);
  if (uri_.empty()) return NotFoundError("the task has no metric output for '{}'", name);
  ASSIGN_OR_RETURN(std::string path, ParseFileUri(uri_));
  std::lock_guard lock(mutex_);
  collected_.push_back(std::move(record));
  return WriteFile(path, collected_.dump());
}

}  // namespace fate::component
