#pragma once

// Where the metrics of a task go (spec/fate-flow.md 16, 18): posted to the flow server one by one
// when the metric output is an http URI, else collected in a file.

#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace fate::component {

class MetricSink {
 public:
  // uri: "http://host:port/v2/worker/metric/save/<execution id>", "file:///path", or "" (nowhere).
  // patience: how long a post is repeated while the flow server does not answer.
  explicit MetricSink(std::string uri, absl::Duration patience = absl::Seconds(15));

  // type "" is null. Errors: kUnavailable naming the URI, kInvalidArgument with what the server
  // said, kNotFound when metrics go nowhere.
  absl::Status Send(const std::string& name, const std::string& type, const nlohmann::json& data);
  // The file got metrics, so the result must name it.
  bool wrote_file() const { return !collected_.empty(); }
  const std::string& uri() const { return uri_; }

 private:
  absl::Status Post(const nlohmann::json& record) const;
  std::string uri_;
  absl::Duration patience_;
  std::mutex mutex_;
  nlohmann::json collected_ = nlohmann::json::array();
};

}  // namespace fate::component
