// /partner routes: what a scheduler asks of this party (spec/fate-flow.md 7).

#include "base/log.h"
#include "base/status.h"
#include "fateflow/party.h"

namespace fate::flow {
namespace {

JobKey JobOf(const Call& call) {
  return {Text(call.args, "job_id"), Text(call.args, "role"), Text(call.args, "party_id")};
}

TaskKey TaskOf(const Call& call) {
  return {Text(call.args, "job_id"), Text(call.args, "role"), Text(call.args, "party_id"),
          Text(call.args, "task_id"), Integer(call.args, "task_version")};
}

absl::StatusOr<Answer> Done(const absl::Status& status) {
  if (!status.ok()) return status;
  return Success();
}

absl::Status CreateJob(Party& party, const Call& call) {
  auto dag = dag::Dag::ParseText(call.request.body);
  if (!dag.ok()) return FlowError(kCreateJobFailed, {{"detail", Message(dag.status())}});
  return party.job_control.Create(JobOf(call), *dag);
}

absl::StatusOr<Answer> Collect(Party& party, const TaskKey& key) {
  ASSIGN_OR_RETURN(Json task, party.jobs.FindTask(key));
  if (task.is_null()) {
    return FlowError(kTaskNotFound, {{"role", key.role},
                                     {"party_id", key.party_id},
                                     {"task_id", key.task_id},
                                     {"task_version", key.version}});
  }
  Json data = Json::object();
  for (const char* name :
       {"job_id", "role", "party_id", "task_id", "task_version", "status", "party_status",
        "start_time", "update_time", "end_time", "elapsed", "error_report"}) {
    data[name] = task[name];
  }
  return Answer::Data(std::move(data));
}

absl::StatusOr<Answer> UpdateProgress(Party& party, const Call& call) {
  const Json& progress = Member(call.args, "progress");
  if (!progress.is_number()) return FlowErrorText(kException, "KeyError('progress')");
  return Done(
      party.job_control.UpdateProgress(JobOf(call), static_cast<int64_t>(progress.get<double>())));
}

}  // namespace

void AddPartnerRoutes(Router& router, Party& party) {
  const Fields job = {Required("job_id"), Required("role"), Required("party_id")};
  Fields task = job;
  task.insert(task.end(), {Required("task_id"), Required("task_version", FieldType::kInteger)});
  auto with = [](Fields fields, std::initializer_list<Field> more) {
    fields.insert(fields.end(), more);
    return fields;
  };
  const Field message = Optional("message");
  auto add = [&router](const std::string& path, const Fields& fields, auto handler) {
    router.Post("/partner" + path, fields, [handler](const Call& call) -> absl::StatusOr<Answer> {
      log::Scope scope({.job = Text(call.args, "job_id")});
      return handler(call);
    });
  };
  add("/job/create",
      {Required("dag", FieldType::kObject), Required("schema_version"), Required("job_id"),
       Required("role"), Required("party_id")},
      [&party](const Call& call) { return Done(CreateJob(party, call)); });
  add("/job/start", with(job, {Optional("extra_info", FieldType::kObject)}),
      [&party](const Call& call) { return Done(party.job_control.Start(JobOf(call))); });
  add("/job/status/update", with(job, {Required("status"), message}), [&party](const Call& call) {
    return Done(party.job_control.UpdateStatus(JobOf(call), Text(call.args, "status"),
                                               Text(call.args, "message")));
  });
  add("/job/update", with(job, {Optional("progress", FieldType::kFloat)}),
      [&party](const Call& call) { return UpdateProgress(party, call); });
  add("/job/resource/apply", job,
      [&party](const Call& call) { return Done(party.job_control.ApplyResource(JobOf(call))); });
  add("/job/resource/return", job,
      [&party](const Call& call) { return Done(party.job_control.ReturnResource(JobOf(call))); });
  add("/job/stop", with(job, {message}), [&party](const Call& call) {
    return Done(party.job_control.Stop(JobOf(call), Text(call.args, "message")));
  });
  add("/task/resource/apply", task,
      [&party](const Call& call) { return Done(party.resources.ApplyTask(TaskOf(call))); });
  add("/task/resource/return", task,
      [&party](const Call& call) { return Done(party.resources.ReturnTask(TaskOf(call))); });
  add("/task/start", task,
      [&party](const Call& call) { return Done(party.tasks.Start(TaskOf(call))); });
  add("/task/collect", task, [&party](const Call& call) { return Collect(party, TaskOf(call)); });
  add("/task/status/update", with(task, {Required("status"), message}), [&party](const Call& call) {
    return Done(party.tasks.UpdateStatus(TaskOf(call), Text(call.args, "status")));
  });
  add("/task/stop", with(task, {Optional("status"), message}), [&party](const Call& call) {
    return Done(party.tasks.Stop(TaskOf(call), Text(call.args, "status", "failed"),
                                 Text(call.args, "message")));
  });
  add("/task/rerun", with(task, {Required("new_version", FieldType::kInteger)}),
      [&party](const Call& call) {
        return Done(party.tasks.Rerun(TaskOf(call), Integer(call.args, "new_version")));
      });
}

}  // namespace fate::flow
