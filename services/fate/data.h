#pragma once

// Uploading a CSV file.

#include <string>

#include "absl/status/statusor.h"
#include "fate/flow_client.h"

namespace fate::cli {

struct Upload {
  std::string file, name_space, name;
  int partitions = 4;
  bool head = true;
  bool extend_sid = true;
  Json meta = {{"delimiter", ","}, {"dtype", "float64"}};  // spec/fate-flow.md 17.1
};

// Job id of the upload.
absl::StatusOr<std::string> UploadFile(const FlowClient& flow, const Upload& upload);

}  // namespace fate::cli
