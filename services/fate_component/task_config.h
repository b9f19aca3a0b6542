#pragma once

// TaskConfig: the file a task is started with (spec/fate-flow.md 15.4), checked.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/names.h"
#include "compute/session.h"
#include "federation/federation.h"

namespace fate::component {

struct TaskConfig {
  std::string job_id, task_id, party_task_id, task_name, component, role, party_id, stage;
  int computing_partitions = 8;
  nlohmann::json parameters = nlohmann::json::object();
  nlohmann::json input_artifacts = nlohmann::json::object();   // key -> artifact or list
  nlohmann::json output_artifacts = nlohmann::json::object();  // key -> {uri, type_name}
  nlohmann::json conf = nlohmann::json::object();

  // Error: kInvalidArgument naming the member; ids that are numbers are taken as texts.
  static absl::StatusOr<TaskConfig> Parse(const std::string& yaml);
};

// Of conf.computing. Errors: kUnimplemented for an engine other than eggroll, kInvalidArgument.
absl::StatusOr<compute::Session::Options> SessionOptions(const nlohmann::json& conf);
// Of conf.federation. kFailedPrecondition when there is no other party.
absl::StatusOr<federation::Federation::Options> FederationOptions(const nlohmann::json& conf);

// "eggroll:///ns/a/b" -> table a_b of namespace ns (spec/fate-flow.md 16).
absl::StatusOr<StoreName> ParseTableUri(const std::string& uri);
// "file:///a/b" -> "/a/b"
absl::StatusOr<std::string> ParseFileUri(const std::string& uri);

}  // namespace fate::component
