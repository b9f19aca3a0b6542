#include "fateflow/answer.h"

#include "absl/strings/cord.h"
#include "base/status.h"

namespace fate::flow {
namespace {

constexpr char kPayload[] = "fate.flow.answer";

std::string_view TextOf(Code code) {
  switch (code) {
    case kSuccess:
      return "success";
    case kJobParameters:
      return "Job params error";
    case kJobNotFound:
      return "No found job";
    case kCreateJobFailed:
      return "Create job failed";
    case kJobUpdateNoEffect:
      return "Update job does not take effect";
    case kKillJobFailed:
      return "Kill job failed";
    case kJobResource:
      return "Job resource exception";
    case kResourceLimit:
      return "Resource limit exceeded";
    case kInheritance:
      return "Inheritance job failed";
    case kTaskNotFound:
      return "No found task";
    case kStartTaskFailed:
      return "Start task failed";
    case kTaskUpdateNoEffect:
      return "Update task status does not take effect";
    case kKillTaskFailed:
      return "Kill task failed";
    case kTaskResource:
      return "Task resource exception";
    case kNoModelOutput:
      return "No found output model";
    case kNoTaskOutput:
      return "No found task output.";
    case kStandaloneSite:
      return "Site is standalone";
    case kDeviceNotSupported:
      return "Device not supported";
    case kInvalidParameter:
      return "Invalid parameter";
    case kNoFile:
      return "No Found File";
    case kWorkerApi:
      return "Request uri failed";
    case kException:
      return "exception";
    case kRestricted:
      return "function restricted";
    case kServerNotFound:
      return "No found server";
    case kInstanceNotFound:
      return "No Found Flow Instance";
    case kTableNotFound:
      return "No found table";
    case kTableExists:
      return "Exists table";
    case kFileNotFound:
      return "No found file or dir";
  }
  return "";
}

// Python's str() of a JSON value, as far as message arguments need it.
std::string ArgumentText(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  return Dump(value);
}

}  // namespace

absl::Status FlowErrorText(Code code, std::string text, Json data) {
  absl::Status status(absl::StatusCode::kFailedPrecondition, text);
  Json payload = {{"code", code}, {"data", std::move(data)}};
  status.SetPayload(kPayload, absl::Cord(Dump(payload)));
  return status;
}

absl::Status FlowError(Code code, Arguments arguments) {
  std::string text(TextOf(code));
  std::string_view separator = ": ";
  for (const auto& [name, value] : arguments) {
    if (value.is_null()) continue;
    text += fmt::format("{}{}[{}]", separator, name, ArgumentText(value));
    separator = ",";
  }
  return FlowErrorText(code, std::move(text));
}

absl::Status FlowException(std::string_view text) {
  return FlowErrorText(kException, fmt::format("Exception('{}')", text));
}

int CodeOf(const absl::Status& status) {
  if (status.ok()) return kSuccess;
  auto payload = status.GetPayload(kPayload);
  if (!payload) return kException;
  return Json::parse(std::string(*payload))["code"].get<int>();
}

Answer ToAnswer(const absl::Status& status) {
  if (status.ok()) return {};
  Answer answer{.code = kException, .message = Message(status)};
  if (auto payload = status.GetPayload(kPayload)) {
    Json json = Json::parse(std::string(*payload));
    answer.code = json["code"].get<int>();
    answer.data = json["data"];
  }
  return answer;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

http::Response JsonResponse(const Json& body) {
  http::Response response;
  response.body = Dump(body) + "\n";
  return response;
}

http::Response FileResponse(const std::string& path, const std::string& content_type,
                            const std::string& file_name) {
  http::Response response;
  response.content_type = content_type;
  response.body_file = path;
  response.remove_body_file = true;
  response.headers.emplace_back("Content-Disposition",
                                fmt::format("attachment; filename={}", file_name));
  return response;
}

http::Response ToResponse(const Answer& answer) {
  if (answer.raw) return *answer.raw;
  Json body = {{"code", answer.code}, {"message", answer.message}};
  if (!answer.data.is_null()) body["data"] = answer.data;
  if (!answer.job_id.empty()) body["job_id"] = answer.job_id;
  return JsonResponse(body);
}

}  // namespace fate::flow
