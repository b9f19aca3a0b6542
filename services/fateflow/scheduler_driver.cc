#include "fateflow/scheduler_driver.h"

#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "absl/time/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "fateflow/schedule_log.h"
#include "fateflow/scheduler_requests.h"

namespace fate::flow {
namespace {

using nlohmann::json;
using scheduler::Actions;
using scheduler::Status;

constexpr int kJobParameters = 1000;
constexpr int kJobNotFound = 1001;
constexpr int kCreateFailed = 1002;
constexpr int kReportNoEffect = 2002;
constexpr int kException = 6000;

const BodyFields kCreateFields = {{"dag", BodyField::kObject},
                                  {"schema_version", BodyField::kText}};
const BodyFields kStopFields = {{"job_id", BodyField::kText},
                                {"stop_status", BodyField::kOptionalText},
                                {"message", BodyField::kOptionalText}};
const BodyFields kRerunFields = {{"job_id", BodyField::kText}};
const BodyFields kReportFields = {
    {"job_id", BodyField::kText},          {"role", BodyField::kText},
    {"party_id", BodyField::kText},        {"task_id", BodyField::kText},
    {"task_version", BodyField::kInteger}, {"status", BodyField::kOptionalText},
    {"message", BodyField::kOptionalText}};

// Local time, microseconds and a counter (spec/fate-flow.md 11); never the same twice.
class JobIds {
 public:
  std::string Next(absl::Time now) {
    int64_t us = absl::ToUnixMicros(now);
    counter_ = us == last_us_ ? counter_ + 1 : 0;
    last_us_ = us;
    return absl::FormatTime("%Y%m%d%H%M%S", now, absl::LocalTimeZone()) +
           fmt::format("{:06d}{}", us % 1'000'000, counter_);
  }

 private:
  int64_t last_us_ = 0;
  int counter_ = 0;
};

// Answers once: with what it is given or, if it is dropped unused, that we are being stopped.
class Responder {
 public:
  explicit Responder(http::Respond respond) : respond_(std::move(respond)) {}
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder() { Answer(SchedulerAnswer(kException, "the flow server is being stopped")); }
  void Answer(const json& answer) {
    if (respond_) std::exchange(respond_, nullptr)(ToHttp(answer));
  }

 private:
  http::Respond respond_;
};

// "<job>_<task>" without the job; "" when it belongs to another.
std::string TaskName(const std::string& job_id, const std::string& task_id) {
  return task_id.starts_with(job_id + "_") ? task_id.substr(job_id.size() + 1) : "";
}

std::string NoEffectText(const json& body) {
  return fmt::format(
      "Update task status does not take effect: job_id[{}],role[{}],party_id[{}],task_id[{}],"
      "task_version[{}],status[False]",
      TextOf(body, "job_id"), TextOf(body, "role"), TextOf(body, "party_id"),
      TextOf(body, "task_id"), IntegerOf(body, "task_version"));
}

}  // namespace

class SchedulerDriver::Impl : public std::enable_shared_from_this<SchedulerDriver::Impl> {
 public:
  Impl(Options options, std::unique_ptr<SchedulerStore> store, CallPartner call_partner)
      : options_(std::move(options)),
        store_(std::move(store)),
        call_partner_(std::move(call_partner)),
        log_(options_.log_folder) {}

  void StartThread() {
    thread_ = std::thread([this] { Run(); });
  }

  void StopThread() {
    {
      std::lock_guard lock(mutex_);
      if (std::exchange(stopping_, true)) return;
    }
    changed_.notify_all();
    thread_.join();
    events_.clear();
    replies_.clear();
  }

  // Runs on the scheduler's thread.
  using Event = std::function<void()>;
  void Post(Event event) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      events_.push_back(std::move(event));
    }
    changed_.notify_one();
  }

  void Handle(const http::Request& request, http::Respond respond);
  absl::Status Resume();
  void ResourcesReturned() {
    Post([this] { Perform(scheduler_.ResourcesReturned(absl::Now())); });
  }

 private:
  using Reply = std::function<void(const json&)>;

  void Run();
  void Perform(const Actions& actions);
  void Do(const scheduler::Send& send);
  void Do(const scheduler::Reply& reply);
  void Do(const scheduler::Note& note);
  void Do(const scheduler::Forget& forget) { dags_.erase(forget.job_id); }
  template <class Row>
  void Do(const Row&) {}  // rows have been written

  void Create(const std::shared_ptr<dag::Dag>& dag, const Reply& reply);
  void Stop(const json& body, const Reply& reply);
  void Rerun(const json& body, const Reply& reply);
  void Report(const json& body, const Reply& reply);
  // Makes the job known to the state machine. False: there is no such job.
  absl::StatusOr<bool> Recall(const std::string& job_id);
  uint64_t Await(const Reply& reply);

  const Options options_;
  const std::unique_ptr<SchedulerStore> store_;
  const CallPartner call_partner_;
  const ScheduleLog log_;

  std::mutex mutex_;  // events_, stopping_
  std::condition_variable changed_;
  std::deque<Event> events_;
  bool stopping_ = false;

  // Only the scheduler's thread looks at these.
  scheduler::Scheduler scheduler_;
  JobIds ids_;
  std::map<std::string, std::shared_ptr<const dag::Dag>> dags_;
  std::map<uint64_t, Reply> replies_;
  uint64_t last_token_ = 0;

  std::thread thread_;
};

void SchedulerDriver::Impl::Run() {
  absl::Time next_tick = absl::Now() + scheduler::Scheduler::kTickPeriod;
  for (;;) {
    Event event;
    {
      std::unique_lock lock(mutex_);
      auto ready = [this] { return stopping_ || !events_.empty(); };
      if (scheduler_.Idle()) {
        changed_.wait(lock, ready);
      } else {
        changed_.wait_until(lock, absl::ToChronoTime(next_tick), ready);
      }
      if (stopping_) return;
      if (!events_.empty()) {
        event = std::move(events_.front());
        events_.pop_front();
      }
    }
    if (event) event();
    if (absl::Time now = absl::Now(); now >= next_tick) {
      next_tick = now + scheduler::Scheduler::kTickPeriod;
      Perform(scheduler_.Tick(now));
    }
  }
}

// Rows first: what a party was told can always be found in the tables.
void SchedulerDriver::Impl::Perform(const Actions& actions) {
  auto find_dag = [this](const std::string& job_id) { return dags_.at(job_id).get(); };
  if (absl::Status written = store_->Write(actions, find_dag, absl::Now()); !written.ok()) {
    log::Error("the scheduler cannot write its tables: {}", Message(written));
  }
  for (const scheduler::Action& action : actions) {
    std::visit([this](const auto& a) { Do(a); }, action);
  }
}

void SchedulerDriver::Impl::Do(const scheduler::Send& send) {
  const dag::Dag& dag = *dags_.at(send.job_id);
  scheduler::Json body = scheduler::Body(send);
  if (send.command == scheduler::Command::kJobCreate) body.update(dag.ToJson());
  PartnerRequest request{
      .dest_party = send.site.party_id,
      .path = scheduler::Path(send.command),
      .job_id = send.job_id,
      .body = body.dump(-1, ' ', false, json::error_handler_t::replace),
      .headers = {{"initiator-party-id", dag.conf().initiator_party_id.value_or("")}},
      .patience = send.patience};
  call_partner_(std::move(request), [weak = weak_from_this(), id = send.id](PartnerReply reply) {
    auto self = weak.lock();
    if (!self) return;
    scheduler::PartyAnswer answer;
    answer.code = reply.code;
    answer.message = std::move(reply.message);
    answer.attempts = reply.attempts;
    if (reply.json.contains("data")) answer.data = reply.json["data"];
    auto* impl = self.get();  // the event must not keep its own queue alive
    self->Post([impl, id, answer = std::move(answer)] {
      impl->Perform(impl->scheduler_.Answer(id, answer, absl::Now()));
    });
  });
}

void SchedulerDriver::Impl::Do(const scheduler::Reply& reply) {
  auto found = replies_.find(reply.token);
  if (found == replies_.end()) return;
  Reply answer = std::move(found->second);
  replies_.erase(found);
  answer(SchedulerAnswer(reply.code, reply.message));
}

void SchedulerDriver::Impl::Do(const scheduler::Note& note) {
  log::Scope scope({.job = note.job_id});
  if (note.is_error) {
    log_.Error(note.job_id, note.text, absl::Now());
    log::Error("{}", note.text);
  } else {
    log_.Info(note.job_id, note.text, absl::Now());
    log::Info("{}", note.text);
  }
}

uint64_t SchedulerDriver::Impl::Await(const Reply& reply) {
  replies_[++last_token_] = reply;
  return last_token_;
}

void SchedulerDriver::Impl::Create(const std::shared_ptr<dag::Dag>& dag, const Reply& reply) {
  absl::Time now = absl::Now();
  std::string job_id = ids_.Next(now);
  dag::JobConf& conf = dag->mutable_conf();
  if (!conf.sync_type) conf.sync_type = options_.sync_type;
  if (!conf.auto_retries) conf.auto_retries = options_.auto_retries;
  if (!conf.model_id) {
    conf.model_id = job_id;
    conf.model_version = "0";
  }
  auto answer = [reply, job_id, dag](json envelope) {
    envelope["job_id"] = job_id;
    envelope["data"] = {{"model_id", *dag->conf().model_id},
                        {"model_version", dag->conf().model_version.value_or("0")}};
    reply(envelope);
  };
  if (absl::Status added = store_->AddJob(job_id, *dag, now); !added.ok()) {
    return answer(SchedulerAnswer(kCreateFailed, "Create job failed: " + Message(added)));
  }
  dags_[job_id] = dag;
  Perform(scheduler_.Create(PlanOf(job_id, *dag), absl::ToUnixMicros(now), Await(answer), now));
}

absl::StatusOr<bool> SchedulerDriver::Impl::Recall(const std::string& job_id) {
  if (scheduler_.Knows(job_id)) return true;
  ASSIGN_OR_RETURN(std::optional<StoredJob> job, store_->Load(job_id));
  if (!job) return false;
  dags_[job_id] = job->dag;
  Perform(scheduler_.Restore(std::move(job->record), absl::Now()));
  return true;
}

void SchedulerDriver::Impl::Stop(const json& body, const Reply& reply) {
  std::string job_id = TextOf(body, "job_id");
  std::string stop_status = TextOf(body, "stop_status");
  auto status = scheduler::ParseStatus(stop_status.empty() ? "canceled" : stop_status);
  if (!status || !scheduler::IsInterrupt(*status)) {
    return reply(SchedulerAnswer(
        kException, "stop_status must be canceled, timeout or failed, not " + stop_status));
  }
  auto known = Recall(job_id);
  if (!known.ok()) return reply(SchedulerAnswer(kException, Message(known.status())));
  if (!*known) {
    return reply(SchedulerAnswer(kJobNotFound, fmt::format("No found job: job_id[{}]", job_id)));
  }
  std::string reason = TextOf(body, "message");
  if (reason.empty()) reason = fmt::format("stopped with status {}", scheduler::Name(*status));
  Perform(scheduler_.Stop(job_id, *status, reason, Await(reply), absl::Now()));
}

void SchedulerDriver::Impl::Rerun(const json& body, const Reply& reply) {
  std::string job_id = TextOf(body, "job_id");
  auto known = Recall(job_id);
  if (!known.ok()) return reply(SchedulerAnswer(kException, Message(known.status())));
  if (!*known) {
    return reply(
        SchedulerAnswer(kException, fmt::format("RuntimeError('can not found job `{}`')", job_id)));
  }
  Perform(scheduler_.Rerun(job_id, Await(reply), absl::Now()));
}

void SchedulerDriver::Impl::Report(const json& body, const Reply& reply) {
  scheduler::TaskReport report;
  report.job_id = TextOf(body, "job_id");
  report.task = TaskName(report.job_id, TextOf(body, "task_id"));
  report.version = IntegerOf(body, "task_version");
  report.site = {TextOf(body, "role"), TextOf(body, "party_id")};
  report.message = TextOf(body, "message");
  auto status = scheduler::ParseStatus(TextOf(body, "status"));
  bool effective = false;
  if (status) {
    report.status = *status;
    Perform(scheduler_.Report(report, &effective, absl::Now()));
  }
  if (effective) return reply(SchedulerAnswer(0, "success"));
  auto has_task = store_->HasTask(report);
  if (has_task.ok() && *has_task) {
    return reply(SchedulerAnswer(kReportNoEffect, NoEffectText(body)));
  }
  reply(SchedulerAnswer(kException, has_task.ok()
                                        ? "Exception('can not found the ScheduleTask record to "
                                          "update')"
                                        : Message(has_task.status())));
}

void SchedulerDriver::Impl::Handle(const http::Request& request, http::Respond respond) {
  auto responder = std::make_shared<Responder>(std::move(respond));
  auto reply = [responder](const json& answer) { responder->Answer(answer); };
  std::string path = request.path;
  while (path.ends_with('/')) path.pop_back();
  auto body = dag::ParseJson(request.body);
  if (!body.ok()) return reply(SchedulerAnswer(kException, "<BadRequest '400: Bad Request'>"));
  json fields = *body;
  auto run = [&](const BodyFields& expected, void (Impl::*handle)(const json&, const Reply&)) {
    if (auto invalid = FirstInvalid(fields, expected)) return reply(*invalid);
    Post([this, fields, reply, handle] { (this->*handle)(fields, reply); });
  };
  if (path == "/v2/scheduler/task/report") return run(kReportFields, &Impl::Report);
  if (path == "/v2/scheduler/job/stop") return run(kStopFields, &Impl::Stop);
  if (path == "/v2/scheduler/job/rerun") return run(kRerunFields, &Impl::Rerun);
  if (path != "/v2/scheduler/job/create") {
    return reply(SchedulerAnswer(kException, "<NotFound '404: Not Found'>"));
  }
  if (auto invalid = FirstInvalid(fields, kCreateFields)) return reply(*invalid);
  auto dag = dag::Dag::Parse(*body);
  if (!dag.ok()) {
    return reply(SchedulerAnswer(kJobParameters, "Job params error: " + Message(dag.status())));
  }
  auto shared = std::make_shared<dag::Dag>(*std::move(dag));
  Post([this, shared, reply] { Create(shared, reply); });
}

absl::Status SchedulerDriver::Impl::Resume() {
  ASSIGN_OR_RETURN(std::vector<std::string> jobs, store_->UnfinishedJobs());
  for (const std::string& job_id : jobs) {
    Post([this, job_id] {
      if (auto known = Recall(job_id); !known.ok()) {
        log::Error("job {} cannot be scheduled any more: {}", job_id, Message(known.status()));
      }
    });
  }
  if (!jobs.empty()) log::Info("the scheduler resumes {} jobs", jobs.size());
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SchedulerDriver>> SchedulerDriver::Create(Options options,
                                                                         sql::Database& database,
                                                                         CallPartner call_partner) {
  ASSIGN_OR_RETURN(auto store, SchedulerStore::Open(database));
  auto impl = std::make_shared<Impl>(std::move(options), std::move(store), std::move(call_partner));
  impl->StartThread();
  return std::unique_ptr<SchedulerDriver>(new SchedulerDriver(std::move(impl)));
}

SchedulerDriver::SchedulerDriver(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
SchedulerDriver::~SchedulerDriver() { Stop(); }

void SchedulerDriver::Stop() { impl_->StopThread(); }

absl::Status SchedulerDriver::Resume() { return impl_->Resume(); }
void SchedulerDriver::ResourcesReturned() { impl_->ResourcesReturned(); }

void SchedulerDriver::Handle(const http::Request& request, http::Respond respond) {
  impl_->Handle(request, std::move(respond));
}

http::Response SchedulerDriver::Handle(const http::Request& request) {
  auto promise = std::make_shared<std::promise<http::Response>>();
  auto future = promise->get_future();
  Handle(request, [promise](http::Response response) { promise->set_value(std::move(response)); });
  if (future.wait_for(absl::ToChronoSeconds(kAnswerLimit)) == std::future_status::ready) {
    return future.get();
  }
  return ToHttp(SchedulerAnswer(
      kException, fmt::format("the scheduler has not answered {} within {:.0f} s; see its log",
                              request.path, absl::ToDoubleSeconds(kAnswerLimit))));
}

}  // namespace fate::flow
