// /log routes: lines of the files that jobs and tasks wrote (spec/fate-flow.md 5.6).

#include <fstream>
#include <map>
#include <regex>

#include "base/status.h"
#include "fateflow/party.h"

namespace fate::flow {
namespace {

constexpr int64_t kMaxLines = 100000;  // of one answer

std::string InstanceId(const Config& config) {
  return fmt::format("flow-{}-{}", config.host, config.http_port);
}

absl::StatusOr<std::string> LogFile(Party& party, const Json& args) {
  static const std::map<std::string, std::string> schedule = {
      {"schedule_info", "fate_flow_schedule.log"},
      {"schedule_error", "fate_flow_schedule_error.log"}};
  static const std::map<std::string, std::string> task = {{"task_error", "ERROR"},
                                                          {"task_warning", "WARNING"},
                                                          {"task_info", "INFO"},
                                                          {"task_debug", "DEBUG"}};
  std::string type = Text(args, "log_type"), task_name = Text(args, "task_name");
  JobKey key{Text(args, "job_id"), Text(args, "role"), Text(args, "party_id")};
  if (auto file = schedule.find(type); file != schedule.end()) {
    ASSIGN_OR_RETURN(std::string directory, party.layout.JobLogDir(key.job_id));
    return directory + "/" + file->second;
  }
  auto file = task.find(type);
  if (file == task.end()) return FlowException("no found log type " + type);
  if (task_name.empty()) {
    ASSIGN_OR_RETURN(std::string directory, party.layout.PartyLogDir(key));
    return directory + "/" + file->second;
  }
  ASSIGN_OR_RETURN(std::string directory, party.layout.TaskLogDir(key, task_name));
  return directory + "/root/" + file->second;
}

absl::Status CheckInstance(Party& party, const Json& args) {
  std::string instance = Text(args, "instance_id");
  if (instance.empty() || instance == InstanceId(party.config)) return absl::OkStatus();
  return FlowError(kInstanceNotFound, {{"instance_id", instance}});
}

absl::StatusOr<Answer> Count(Party& party, const Call& call) {
  RETURN_IF_ERROR(CheckInstance(party, call.args));
  ASSIGN_OR_RETURN(std::string path, LogFile(party, call.args));
  std::ifstream file(path);
  int64_t lines = 0;
  for (std::string line; std::getline(file, line);) ++lines;
  return Answer::Data(lines);
}

std::string WithoutAddresses(const std::string& line) {
  static const std::regex address(R"(\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b)");
  return std::regex_replace(line, address, "xxx.xxx.xxx.xxx");
}

absl::StatusOr<Answer> Query(Party& party, const Call& call) {
  RETURN_IF_ERROR(CheckInstance(party, call.args));
  ASSIGN_OR_RETURN(std::string path, LogFile(party, call.args));
  int64_t begin = Integer(call.args, "begin", 1);
  int64_t end = Integer(call.args, "end", begin + kMaxLines - 1);
  end = std::min(end, begin + kMaxLines - 1);
  std::ifstream file(path, std::ios::binary);
  Json lines = Json::array();
  if (!file) return Answer::Data(std::move(lines));
  int64_t number = 1;
  std::string line;
  bool more = true;
  for (; more && number <= end; ++number) {
    more = static_cast<bool>(std::getline(file, line));
    if (!more) line.clear();  // the text after the last line end
    if (more && file.eof()) more = false;
    if (number < begin) continue;
    lines.push_back({{"line_num", number}, {"content", WithoutAddresses(line)}});
  }
  return Answer::Data(std::move(lines));
}

}  // namespace

void AddLogRoutes(Router& router, Party& party) {
  const Field type = Required("log_type"), job_id = Required("job_id");
  const Field task = Optional("task_name"), instance = Optional("instance_id");
  router.Get("/log/count", {type, job_id, Optional("role"), Optional("party_id"), task, instance},
             [&party](const Call& call) { return Count(party, call); });
  router.Get(
      "/log/query",
      {type, job_id, Required("role"), Required("party_id"), task,
       Optional("begin", FieldType::kInteger), Optional("end", FieldType::kInteger), instance},
      [&party](const Call& call) { return Query(party, call); });
}

}  // namespace fate::flow
