#pragma once

// The envelope of every answer and the codes inside it (spec/fate-flow.md 3, 4).
//
// Handlers return absl::StatusOr<Answer>. A failure made by FlowError carries its code (and
// data) inside the status; any other failed status becomes code 6000 with its text.

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "http/server.h"

namespace fate::flow {

using Json = nlohmann::json;

enum Code : int {
  kSuccess = 0,
  kJobParameters = 1000,
  kJobNotFound = 1001,
  kCreateJobFailed = 1002,
  kJobUpdateNoEffect = 1003,
  kKillJobFailed = 1004,
  kJobResource = 1005,
  kResourceLimit = 1006,
  kInheritance = 1007,
  kTaskNotFound = 2000,
  kStartTaskFailed = 2001,
  kTaskUpdateNoEffect = 2002,
  kKillTaskFailed = 2003,
  kTaskResource = 2004,
  kNoModelOutput = 2005,
  kNoTaskOutput = 2008,
  kStandaloneSite = 3000,
  kDeviceNotSupported = 4001,
  kInvalidParameter = 5001,
  kNoFile = 5007,
  kWorkerApi = 5008,
  kException = 6000,
  kRestricted = 6001,
  kServerNotFound = 6003,
  kInstanceNotFound = 6004,
  kTableNotFound = 7001,
  kTableExists = 7002,
  kFileNotFound = 8001,
};

struct Answer {
  int code = kSuccess;
  std::string message = "success";
  Json data;                          // left out when null
  std::string job_id;                 // left out when empty
  std::optional<http::Response> raw;  // sent instead of the envelope: downloads, raw objects

  static Answer Data(Json data) { return {.data = std::move(data)}; }
  static Answer Raw(http::Response response) { return {.raw = std::move(response)}; }
};

// "No found job: job_id[nope]": the code's text and the arguments that are not null.
using Arguments = std::initializer_list<std::pair<std::string_view, Json>>;
absl::Status FlowError(Code code, Arguments arguments = {});
absl::Status FlowErrorText(Code code, std::string text, Json data = nullptr);
// Code 6000 in upstream's spelling: Exception('text').
absl::Status FlowException(std::string_view text);

int CodeOf(const absl::Status& status);  // kException when the status carries none
Answer ToAnswer(const absl::Status& status);

// Members in alphabetical order, null ones left out, a newline at the end.
http::Response ToResponse(const Answer& answer);
http::Response JsonResponse(const Json& body);
// A file that is sent as a download and removed afterwards.
http::Response FileResponse(const std::string& path, const std::string& content_type,
                            const std::string& file_name);
// Valid JSON even when a text holds bytes that are not UTF-8.
std::string Dump(const Json& json);

}  // namespace fate::flow
