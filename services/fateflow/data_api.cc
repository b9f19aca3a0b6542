// /data routes: uploads and downloads; they become jobs of the local party "0"
// (spec/fate-flow.md 5.2, 17).

#include <filesystem>
#include <random>

#include "absl/time/clock.h"
#include "base/status.h"
#include "fateflow/archive.h"
#include "fateflow/csv_export.h"
#include "fateflow/multipart.h"
#include "fateflow/party.h"

namespace fate::flow {
namespace {

namespace fs = std::filesystem;

constexpr char kLocalParty[] = "0";

std::string NewName() {
  std::random_device random;
  return fmt::format("{:016x}{:08x}{:08x}", absl::ToUnixNanos(absl::Now()), random(), random());
}

dag::Json LocalParties() {
  return dag::Json::array({{{"role", "local"}, {"party_id", dag::Json::array({kLocalParty})}}});
}

dag::Json LocalJob(dag::Json tasks, dag::Json parameters) {
  dag::Json party_tasks = {{"local_0", {{"parties", LocalParties()}, {"tasks", parameters}}}};
  return {{"dag",
           {{"parties", LocalParties()},
            {"conf", {{"scheduler_party_id", kLocalParty}}},
            {"stage", "default"},
            {"tasks", std::move(tasks)},
            {"party_tasks", std::move(party_tasks)}}},
          {"schema_version", "2.2.0"},
          {"kind", "fate"}};
}

dag::Json TransformerTask(const dag::Json& source_kind, const dag::Json& source) {
  return {{"component_ref", "dataframe_transformer"},
          {"inputs", {{"data", {{"table", {{source_kind.get<std::string>(), source}}}}}}},
          {"conf", {{"provider", DefaultProvider(kFateProvider)}}}};
}

dag::Json UploadJob(const Json& args, const std::string& file, const Json& meta) {
  std::string name_space = Text(args, "namespace"), name = Text(args, "name");
  bool transform = !name_space.empty() && !name.empty();
  dag::Json upload = {{"file", file},
                      {"head", Boolean(args, "head", true)},
                      {"partitions", Integer(args, "partitions", 4)},
                      {"namespace", "upload"},
                      {"name", NewName()},
                      {"extend_sid", Boolean(args, "extend_sid")},
                      {"meta", dag::Json::parse(meta.dump())}};
  dag::Json tasks = {
      {"upload_0",
       {{"component_ref", "upload"}, {"conf", {{"provider", DefaultProvider(kFlowProvider)}}}}}};
  dag::Json parameters = {{"upload_0", {{"parameters", upload}}}};
  if (transform) {
    tasks["transformer_0"] = TransformerTask(
        "task_output_artifact", {{"producer_task", "upload_0"}, {"output_artifact_key", "table"}});
    parameters["transformer_0"] = {{"parameters", {{"namespace", name_space}, {"name", name}}}};
  }
  return LocalJob(std::move(tasks), std::move(parameters));
}

// Answers with the place of the result instead of the model id.
absl::StatusOr<Answer> SubmitFor(Party& party, const Call& call, const dag::Json& job,
                                 const std::string& name_space, const std::string& name) {
  ASSIGN_OR_RETURN(Answer answer, party.job_control.Submit(job, call.Header("user-name")));
  if (answer.code == kSuccess) answer.data = {{"name", name}, {"namespace", name_space}};
  return answer;
}

absl::StatusOr<Answer> SubmitUpload(Party& party, const Call& call, const std::string& file) {
  const Json& given = Member(call.args, "meta");
  dag::Json job = UploadJob(call.args, file, given.is_object() ? given : Json::object());
  std::string name_space = Text(call.args, "namespace"), name = Text(call.args, "name");
  if (name_space.empty() || name.empty()) {
    const dag::Json& upload =
        job["dag"]["party_tasks"]["local_0"]["tasks"]["upload_0"]["parameters"];
    name_space = upload["namespace"];
    name = upload["name"];
  }
  RETURN_IF_ERROR(StoreName::Parse(name_space, name).status());
  return SubmitFor(party, call, job, name_space, name);
}

absl::StatusOr<Answer> Upload(Party& party, const Call& call) {
  std::string file = Text(call.args, "file");
  if (fs::path(file).is_relative() && !party.config.upload_dir.empty()) {
    file = party.config.upload_dir + "/" + file;
  }
  if (!fs::is_regular_file(file)) return FlowError(kFileNotFound, {{"path", file}});
  return SubmitUpload(party, call, fs::absolute(file).string());
}

absl::StatusOr<Answer> UploadFile(Party& party, const Call& call) {
  std::string file = fmt::format("{}/upload-{}", party.layout.temp_dir(), NewName());
  RETURN_IF_ERROR(SaveFormFile(call.request, "file", file));
  auto answer = SubmitUpload(party, call, file);
  if (!answer.ok() || answer->code != kSuccess) fs::remove(file);
  return answer;
}

absl::StatusOr<Answer> Transform(Party& party, const Call& call) {
  std::string name_space = Text(call.args, "namespace"), name = Text(call.args, "name");
  RETURN_IF_ERROR(StoreName::Parse(name_space, name).status());
  ASSIGN_OR_RETURN(Json existing, party.data.FindTable(name_space, name));
  if (!existing.is_null() && !Boolean(call.args, "drop", true)) {
    return FlowError(kTableExists,
                     {{"name", name},
                      {"namespace", name_space},
                      {"warning",
                       "If you want to ignore this error and continue transformer, you "
                       "can set the parameter of 'drop' to 'true' "}});
  }
  dag::Json parameters = {{"namespace", name_space}, {"name", name}};
  if (std::string site = Text(call.args, "site_name"); !site.empty())
    parameters["site_name"] = site;
  dag::Json source = dag::Json::parse(Member(call.args, "data_warehouse").dump());
  return SubmitFor(party, call,
                   LocalJob({{"transformer_0", TransformerTask("data_warehouse", source)}},
                            {{"transformer_0", {{"parameters", parameters}}}}),
                   name_space, name);
}

// A job that writes a table into a folder of the server; the file itself is one request away.
absl::StatusOr<Answer> RefuseDownloadJob(Party&, const Call&) {
  return FlowErrorText(
      kException,
      "downloading by a job is not served; GET /v2/data/download answers the table "
      "as a .tar.gz file");
}

absl::StatusOr<Answer> Download(Party& party, const Call& call) {
  std::string name_space = Text(call.args, "namespace"), name = Text(call.args, "name");
  ASSIGN_OR_RETURN(Json table, party.data.FindTable(name_space, name));
  if (table.is_null())
    return FlowError(kTableNotFound, {{"name", name}, {"namespace", name_space}});
  std::string stem = fmt::format("{}/data-{}", party.layout.temp_dir(), NewName());
  absl::Status packed = ExportCsv(party.storage, table, stem);
  if (packed.ok()) {
    packed = PackFiles({{"data/0.csv", stem + ".csv"}, {"data/0.meta", stem + ".meta"}},
                       stem + ".tar.gz", ArchiveFormat::kTarGz);
  }
  std::error_code ignored;
  fs::remove(stem + ".csv", ignored);
  fs::remove(stem + ".meta", ignored);
  RETURN_IF_ERROR(packed);
  return Answer::Raw(FileResponse(stem + ".tar.gz", "application/gzip",
                                  fmt::format("download_data_{}_{}.tar.gz", name_space, name)));
}

}  // namespace

void AddDataRoutes(Router& router, Party& party) {
  const Field name_space = Required("namespace"), name = Required("name");
  const Fields upload = {Required("head", FieldType::kBoolean),
                         Required("partitions", FieldType::kInteger),
                         Optional("meta", FieldType::kObject),
                         Optional("extend_sid", FieldType::kBoolean),
                         Optional("namespace"),
                         Optional("name")};
  Fields upload_path = upload, upload_form = upload;
  upload_path.insert(upload_path.begin(), Required("file"));
  upload_form[2].required = true;
  auto bind = [&party](auto handler) {
    return [&party, handler](const Call& call) { return handler(party, call); };
  };
  router.Post("/data/component/upload", upload_path, bind(Upload));
  router.PostForm("/data/component/upload/file", upload_form, bind(UploadFile));
  router.Post("/data/component/download", {name, name_space, Optional("path")},
              bind(RefuseDownloadJob));
  router.Post("/data/component/dataframe/transformer",
              {Required("data_warehouse", FieldType::kObject), name_space, name,
               Optional("site_name"), Optional("drop", FieldType::kBoolean)},
              bind(Transform));
  router.Get("/data/download", {name, name_space, Optional("header")}, bind(Download));
}

}  // namespace fate::flow
