#include <cstdio>
#include <memory>

#include "base/status.h"
#include "fate/command.h"
#include "fate/data.h"
#include "fate/job.h"
#include "fate/yaml_json.h"

namespace fate::cli {

absl::StatusOr<std::string> UploadFile(const FlowClient& flow, const Upload& upload) {
  ASSIGN_OR_RETURN(Json answer, flow.PostForm("/v2/data/component/upload/file",
                                              {{"head", upload.head ? "true" : "false"},
                                               {"partitions", std::to_string(upload.partitions)},
                                               {"meta", upload.meta.dump()},
                                               {"extend_sid", upload.extend_sid ? "true" : "false"},
                                               {"namespace", upload.name_space},
                                               {"name", upload.name}},
                                              upload.file));
  std::string job_id = answer.value("job_id", "");
  if (job_id.empty()) return InternalError("fateflow accepted the upload but named no job id");
  return job_id;
}

namespace {

struct TableOptions {
  std::string name_space, name, save_to;
  bool display = false;
};

absl::Status RunUpload(const Globals& globals, const Upload& upload,
                       const std::vector<std::string>& meta, double timeout_s) {
  Upload request = upload;
  for (const std::string& pair : meta) {
    size_t equals = pair.find('=');
    if (equals == std::string::npos) {
      return InvalidArgumentError("--meta '{}' is not key=value, for example label_name=y", pair);
    }
    ASSIGN_OR_RETURN(Json value, YamlToJson("v: " + pair.substr(equals + 1), "--meta"));
    request.meta[pair.substr(0, equals)] = value["v"];
  }
  FlowClient flow(globals.flow);
  ASSIGN_OR_RETURN(std::string job_id, UploadFile(flow, request));
  absl::Status end;
  {
    ProgressLine progress(flow);
    end = WaitForJob(flow, job_id, absl::Seconds(timeout_s), [&](const JobView& job) {
            progress.Show(job);
          }).status();
  }
  RETURN_IF_ERROR(end);
  ASSIGN_OR_RETURN(Json table, flow.Get("/v2/table/query", {{"namespace", request.name_space},
                                                            {"name", request.name}}));
  if (globals.json) {
    PrintJson({{"job_id", job_id}, {"table", table["data"]}});
  } else {
    std::printf("%s/%s: %s rows\n", request.name_space.c_str(), request.name.c_str(),
                table["data"].value("count", Json()).dump().c_str());
  }
  return absl::OkStatus();
}

absl::Status ShowTable(const Globals& globals, const TableOptions& options) {
  FlowClient flow(globals.flow);
  ASSIGN_OR_RETURN(Json answer,
                   flow.Get("/v2/table/query", {{"namespace", options.name_space},
                                                {"name", options.name},
                                                {"display", options.display ? "true" : "false"}}));
  const Json& table = answer["data"];
  if (globals.json) {
    PrintJson(table);
    return absl::OkStatus();
  }
  for (const char* key : {"namespace", "name", "count", "data_type", "engine", "path"}) {
    if (table.contains(key)) {
      std::printf("%-10s %s\n", key,
                  table[key].is_string() ? table[key].get<std::string>().c_str()
                                         : table[key].dump().c_str());
    }
  }
  if (table.contains("display")) {
    for (const Json& row : table["display"]) std::printf("%s\n", row.dump().c_str());
  }
  return absl::OkStatus();
}

absl::Status DeleteTable(const Globals& globals, const TableOptions& options) {
  FlowClient flow(globals.flow);
  RETURN_IF_ERROR(
      flow.Post("/v2/table/delete", {{"namespace", options.name_space}, {"name", options.name}})
          .status());
  if (!globals.json) {
    std::printf("table %s/%s is deleted\n", options.name_space.c_str(), options.name.c_str());
  }
  return absl::OkStatus();
}

absl::Status DownloadTable(const Globals& globals, const TableOptions& options) {
  FlowClient flow(globals.flow);
  std::string query = fmt::format("?namespace={}&name={}", options.name_space, options.name);
  RETURN_IF_ERROR(flow.Download("GET", "/v2/data/download" + query, nullptr, options.save_to));
  if (!globals.json) std::printf("saved to %s\n", options.save_to.c_str());
  return absl::OkStatus();
}

void AddUpload(CLI::App& app, Invocation& invocation) {
  auto upload = std::make_shared<Upload>();
  auto meta = std::make_shared<std::vector<std::string>>();
  auto timeout_s = std::make_shared<double>(3600);
  auto* command = app.add_subcommand("upload", "make a data frame out of a CSV file");
  command->add_option("file", upload->file, "CSV file")->required()->check(CLI::ExistingFile);
  command->add_option("--namespace", upload->name_space, "namespace of the table")->required();
  command->add_option("--name", upload->name, "name of the table")->required();
  command->add_option("--partitions", upload->partitions, "partitions of the table")
      ->check(CLI::Range(1, 1024));
  command->add_flag("!--no-head", upload->head, "the file has no header line");
  command->add_flag("!--no-extend-sid", upload->extend_sid,
                    "use the id column as row key instead of generated ids");
  command->add_option(
      "-m,--meta", *meta,
      "key=value, repeated: delimiter, dtype, label_name, label_type, match_id_name, "
      "sample_id_name, weight_name, weight_type, na_values, input_format");
  command->add_option("--timeout", *timeout_s, "seconds to wait")->check(CLI::PositiveNumber);
  command->callback([&invocation, upload, meta, timeout_s] {
    invocation.run = [&invocation, upload, meta, timeout_s] {
      return RunUpload(invocation.globals, *upload, *meta, *timeout_s);
    };
  });
}

}  // namespace

void AddDataCommands(CLI::App& app, Invocation& invocation) {
  AddUpload(app, invocation);
  auto options = std::make_shared<TableOptions>();
  auto* table = app.add_subcommand("table", "look at, download or delete a table of this site");
  table->require_subcommand(1);
  auto* show = table->add_subcommand("show", "what a table is");
  show->add_flag("-d,--display", options->display, "also its first rows");
  auto* download = table->add_subcommand("download", "a table as .tar.gz with a CSV file");
  download->add_option("-o,--output", options->save_to, "file to write")->required();
  auto* remove = table->add_subcommand("delete", "remove a table and its metadata");
  for (auto* command : {show, download, remove}) {
    command->add_option("namespace", options->name_space, "namespace")->required();
    command->add_option("name", options->name, "name")->required();
  }
  show->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return ShowTable(invocation.globals, *options); };
  });
  download->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return DownloadTable(invocation.globals, *options); };
  });
  remove->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return DeleteTable(invocation.globals, *options); };
  });
}

}  // namespace fate::cli
