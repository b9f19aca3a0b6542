// /job routes (spec/fate-flow.md 5.1).

#include <algorithm>
#include <filesystem>
#include <set>

#include "absl/time/clock.h"
#include "base/status.h"
#include "fateflow/archive.h"
#include "fateflow/party.h"

namespace fate::flow {
namespace {

namespace fs = std::filesystem;

// Columns named like the given arguments that were sent.
Columns Filters(const Json& args, const std::vector<std::string_view>& names) {
  Columns where;
  for (std::string_view name : names) {
    const Json& value = Member(args, name);
    if (value.is_string()) where.emplace_back(name, value.get<std::string>());
    if (value.is_number()) where.emplace_back(name, value.get<int64_t>());
  }
  return where;
}

absl::StatusOr<Answer> Submit(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(dag::Json body, dag::ParseJson(call.request.body));  // keeps the order of tasks
  return party.job_control.Submit(body["dag_schema"], call.Header("user-name"));
}

absl::StatusOr<Answer> QueryJobs(Party& party, const Call& call) {
  Columns where = Filters(call.args, {"job_id", "role", "party_id", "status"});
  if (std::string user = call.Header("user-name"); !user.empty()) {
    where.emplace_back("user_name", user);
  }
  std::vector<Json> jobs;
  if (!where.empty()) {
    ASSIGN_OR_RETURN(jobs, party.records().Select("t_job", where, "order by rowid"));
  }
  if (!jobs.empty()) return Answer::Data(jobs);
  return FlowError(kJobNotFound, {{"job_id", Member(call.args, "job_id")},
                                  {"role", Member(call.args, "role")},
                                  {"party_id", Member(call.args, "party_id")},
                                  {"status", Member(call.args, "status")}});
}

absl::StatusOr<Answer> QueryTasks(Party& party, const Call& call) {
  Columns where =
      Filters(call.args, {"job_id", "role", "party_id", "task_name", "task_id", "task_version"});
  ASSIGN_OR_RETURN(std::vector<Json> tasks, party.jobs.NewestTasks(where));
  if (std::string status = Text(call.args, "status"); !status.empty()) {
    std::erase_if(tasks, [&](const Json& task) { return Text(task, "status") != status; });
  }
  if (tasks.empty()) return FlowError(kTaskNotFound);
  return Answer::Data(tasks);
}

// SQL of one list query: filters, order, slice. Column names come from a fixed set.
class ListQuery {
 public:
  explicit ListQuery(std::string table) : table_(std::move(table)) {}

  void Equal(std::string_view column, const std::string& value) {
    if (!value.empty()) Add(fmt::format("f_{} = ?", column), value);
  }
  void Contains(std::string_view column, const std::string& value) {
    if (!value.empty()) Add(fmt::format("instr(f_{}, ?) > 0", column), value);
  }
  void OneOf(std::string_view column, const Json& values) {
    if (!values.is_array() || values.empty()) return;
    std::string marks;
    for (const Json& value : values) {
      marks += marks.empty() ? "?" : ", ?";
      parameters_.push_back(value.get<std::string>());
    }
    conditions_ += fmt::format(" and f_{} in ({})", column, marks);
  }
  void Condition(std::string_view condition) { conditions_ += fmt::format(" and {}", condition); }
  // Unknown columns fall back to create_time, unknown directions to desc.
  void Order(const std::set<std::string>& columns, const Json& args) {
    std::string column = Text(args, "order_by", "create_time");
    if (!columns.contains(column)) column = "create_time";
    order_ = fmt::format(" order by f_{0} {1}, rowid {1}", column,
                         Text(args, "order") == "asc" ? "asc" : "desc");
  }

  absl::StatusOr<int64_t> Count(sql::Database& db) {
    ASSIGN_OR_RETURN(sql::Rows rows, db.Query(fmt::format("select count(*) as n from {} where 1{}",
                                                          table_, conditions_),
                                              parameters_));
    return rows[0].Int("n");
  }
  absl::StatusOr<std::vector<Json>> Page(sql::Database& db, const Json& args) {
    int64_t limit = Integer(args, "limit"), page = Integer(args, "page");
    std::string slice =
        limit > 0 ? fmt::format(" limit {} offset {}", limit, page > 1 ? limit * (page - 1) : 0)
                  : "";
    ASSIGN_OR_RETURN(sql::Rows rows, db.Query(fmt::format("select * from {} where 1{}{}{}", table_,
                                                          conditions_, order_, slice),
                                              parameters_));
    std::vector<Json> records;
    for (const sql::Row& row : rows) records.push_back(ToRecord(row));
    return records;
  }

 private:
  void Add(const std::string& condition, const std::string& value) {
    conditions_ += " and " + condition;
    parameters_.emplace_back(value);
  }
  std::string table_, conditions_, order_;
  std::vector<sql::Value> parameters_;
};

Json PartnersOf(const Json& job) {
  std::set<std::string> partners;
  for (const Json& party : Member(job, "parties")) {
    for (const Json& id : Member(party, "party_id")) partners.insert(id.get<std::string>());
  }
  partners.erase(Text(job, "party_id"));
  return partners;
}

const std::set<std::string>& SortColumns() {
  static const std::set<std::string> columns = {
      "create_time", "update_time", "start_time", "end_time", "elapsed",  "job_id",
      "role",        "party_id",    "status",     "progress", "user_name"};
  return columns;
}

absl::StatusOr<Answer> ListJobs(Party& party, const Call& call) {
  ListQuery query("t_job");
  query.Contains("job_id", Text(call.args, "job_id"));
  query.Contains("description", Text(call.args, "description"));
  query.Contains("party_id", Text(call.args, "party_id"));
  query.OneOf("role", Member(call.args, "role"));
  query.OneOf("status", Member(call.args, "status"));
  query.Equal("user_name", call.Header("user-name"));
  query.Condition("coalesce(f_tag, '') != 'submit_failed'");
  query.Order(SortColumns(), call.args);
  sql::Database& db = party.records().database();
  ASSIGN_OR_RETURN(int64_t count, query.Count(db));
  ASSIGN_OR_RETURN(std::vector<Json> jobs, query.Page(db, call.args));
  std::string partner = Text(call.args, "partner");
  Json list = Json::array();
  for (Json& job : jobs) {
    job["partners"] = PartnersOf(job);
    const Json& partners = job["partners"];
    bool wanted =
        partner.empty() || std::find(partners.begin(), partners.end(), partner) != partners.end();
    if (wanted) list.push_back(std::move(job));
  }
  return Answer::Data({{"count", count}, {"data", std::move(list)}});
}

absl::StatusOr<Answer> ListTasks(Party& party, const Call& call) {
  static const std::set<std::string> columns = {
      "create_time", "update_time", "start_time", "end_time", "elapsed",
      "job_id",      "task_name",   "status",     "party_id", "role"};
  ListQuery query("t_task");
  for (const char* name : {"job_id", "role", "party_id", "task_name"}) {
    query.Equal(name, Text(call.args, name));
  }
  query.Order(columns, call.args);
  sql::Database& db = party.records().database();
  ASSIGN_OR_RETURN(int64_t count, query.Count(db));
  ASSIGN_OR_RETURN(std::vector<Json> tasks, query.Page(db, call.args));
  return Answer::Data({{"count", count}, {"data", tasks}});
}

absl::StatusOr<Answer> DownloadLog(Party& party, const Call& call) {
  std::string job_id = Text(call.args, "job_id");
  ASSIGN_OR_RETURN(std::string directory, party.layout.JobLogDir(job_id));
  if (!fs::is_directory(directory)) return FlowError(kFileNotFound, {{"path", directory}});
  std::string path = fmt::format("{}/log-{}-{}.tar.gz", party.layout.temp_dir(), job_id,
                                 absl::ToUnixNanos(absl::Now()));
  RETURN_IF_ERROR(PackFiles(FilesBelow(directory), path, ArchiveFormat::kTarGz));
  return Answer::Raw(FileResponse(path, "application/gzip", "job_" + job_id + "_log.tar.gz"));
}

absl::StatusOr<Answer> CleanQueue(Party& party, const Call&) {
  ASSIGN_OR_RETURN(sql::Rows rows,
                   party.records().database().Query(
                       "select distinct f_job_id from t_job where f_status = 'waiting'"));
  Json answers = Json::object();
  for (const sql::Row& row : rows) {
    std::string job_id = row.Text("f_job_id");
    auto stopped = party.job_control.StopEverywhere(job_id);
    Answer answer = stopped.ok() ? *stopped : ToAnswer(stopped.status());
    answers[job_id] = {{"code", answer.code}, {"message", answer.message}};
  }
  return Answer::Data(std::move(answers));
}

absl::StatusOr<Answer> CleanJob(Party& party, const Call& call) {
  std::string job_id = Text(call.args, "job_id");
  ASSIGN_OR_RETURN(Json job, party.records().First("t_job", {{"job_id", job_id}}));
  if (job.is_null()) return FlowError(kJobNotFound, {{"job_id", job_id}});
  ASSIGN_OR_RETURN(
      std::vector<Json> outputs,
      party.records().Select("t_tracking_data_output", {{"job_id", job_id}}, "and f_uri != ''"));
  for (const Json& output : outputs) {
    auto name = StoreName::Parse(Text(output, "namespace"), Text(output, "name"));
    if (name.ok()) RETURN_IF_ERROR(party.storage.Destroy(*name));
    RETURN_IF_ERROR(party.data.ForgetTable(Text(output, "namespace"), Text(output, "name")));
  }
  RETURN_IF_ERROR(party.data.ForgetJob(job_id));
  RETURN_IF_ERROR(party.metrics.ForgetJob(job_id));
  for (auto directory : {party.layout.JobLogDir(job_id), party.layout.JobDir(job_id)}) {
    std::error_code error;
    if (directory.ok()) fs::remove_all(*directory, error);
  }
  return Success();
}

absl::StatusOr<dag::Dag> DagOf(Party& party, const JobKey& key) {
  ASSIGN_OR_RETURN(
      sql::Rows rows,
      party.records().database().Query(
          "select f_dag from t_job where f_job_id = ? and f_role = ? and f_party_id = ?",
          {key.job_id, key.role, key.party_id}));
  if (!rows.empty()) return dag::Dag::ParseText(rows[0].Text("f_dag"));
  return FlowError(kJobNotFound,
                   {{"job_id", key.job_id}, {"role", key.role}, {"party_id", key.party_id}});
}

JobKey KeyOfCall(const Call& call) {
  return {Text(call.args, "job_id"), Text(call.args, "role"), Text(call.args, "party_id")};
}

absl::StatusOr<Answer> DataView(Party& party, const Call& call) {
  JobKey key = KeyOfCall(call);
  ASSIGN_OR_RETURN(dag::Dag dag, DagOf(party, key));
  Json view = Json::object();
  for (const dag::Site& site : dag.Sites()) {
    for (const std::string& name : dag.TasksOf(site)) {
      ASSIGN_OR_RETURN(dag::TaskAtSite task, dag.TaskAt(site, name));
      if (task.component_ref != "reader") continue;
      view[site.role][site.party_id].push_back(
          {{"name", task.parameters.value("name", "")},
           {"namespace", task.parameters.value("namespace", "")}});
    }
  }
  return Answer::Data({{"role", key.role}, {"party_id", key.party_id}, {"data_view", view}});
}

absl::StatusOr<Answer> Dependency(Party& party, const Call& call) {
  JobKey key = KeyOfCall(call);
  dag::Site site{key.role, key.party_id};
  ASSIGN_OR_RETURN(dag::Dag dag, DagOf(party, key));
  Json names = Json::array(), modules = Json::object(), stages = Json::object(),
       dependencies = Json::object();
  for (const std::string& name : dag.TasksOf(site)) {
    ASSIGN_OR_RETURN(dag::TaskAtSite task, dag.TaskAt(site, name));
    names.push_back(name);
    modules[name] = task.component_ref;
    stages[name] = task.stage;
    Json list = Json::array();
    for (const dag::Link& link : task.links) {
      list.push_back({{"component_name", link.producer_task},
                      {"model_type", link.kind},
                      {"type", link.input_key},
                      {"up_output_info", Json::array({link.output_key})}});
    }
    if (list.empty()) list.push_back({{"up_output_info", Json::array()}});
    dependencies[name] = std::move(list);
  }
  return Answer::Data({{"component_list", names},
                       {"component_module", modules},
                       {"component_stage", stages},
                       {"dependencies", dependencies}});
}

absl::StatusOr<Answer> AddNotes(Party& party, const Call& call) {
  JobKey key = KeyOfCall(call);
  ASSIGN_OR_RETURN(
      int64_t written,
      party.records().Update("t_job", {{"description", Text(call.args, "notes")}}, key.Where()));
  if (written > 0) return Success();
  return FlowError(kJobNotFound,
                   {{"job_id", key.job_id}, {"role", key.role}, {"party_id", key.party_id}});
}

}  // namespace

void AddJobRoutes(Router& router, Party& party) {
  auto bind = [&party](auto handler) {
    return [&party, handler](const Call& call) { return handler(party, call); };
  };
  const Field job_id = Required("job_id"), role = Required("role"), party_id = Required("party_id");
  const Field limit = Optional("limit", FieldType::kInteger);
  const Field page = Optional("page", FieldType::kInteger);
  const Field order_by = Optional("order_by"), order = Optional("order");
  router.Post("/job/submit", {Required("dag_schema", FieldType::kObject)}, bind(Submit));
  router.Get("/job/query",
             {Optional("job_id"), Optional("role"), Optional("party_id"), Optional("status")},
             bind(QueryJobs));
  router.Post("/job/stop", {job_id}, [&party](const Call& call) {
    return party.job_control.StopEverywhere(Text(call.args, "job_id"));
  });
  router.Post("/job/rerun", {job_id}, [&party](const Call& call) {
    return party.job_control.Rerun(Text(call.args, "job_id"));
  });
  router.Get("/job/list/query",
             {limit, page, Optional("job_id"), Optional("description"), Optional("partner"),
              Optional("party_id"), Optional("role", FieldType::kStrings),
              Optional("status", FieldType::kStrings), order_by, order},
             bind(ListJobs));
  router.Get(
      "/job/task/query",
      {Optional("job_id"), Optional("role"), Optional("party_id"), Optional("status"),
       Optional("task_name"), Optional("task_id"), Optional("task_version", FieldType::kInteger)},
      bind(QueryTasks));
  router.Get("/job/task/list/query",
             {limit, page, Optional("job_id"), Optional("role"), Optional("party_id"),
              Optional("task_name"), order_by, order},
             bind(ListTasks));
  router.Post("/job/log/download", {job_id}, bind(DownloadLog));
  router.Post("/job/queue/clean", {}, bind(CleanQueue));
  router.Post("/job/clean", {job_id}, bind(CleanJob));
  router.Get("/job/data/view", {job_id, role, party_id}, bind(DataView));
  router.Post("/job/notes/add", {job_id, role, party_id, Required("notes")}, bind(AddNotes));
  router.Get("/job/dag/dependency", {job_id, role, party_id}, bind(Dependency));
}

}  // namespace fate::flow
