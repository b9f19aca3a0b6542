// A seeded federation in which everything goes wrong for a while: lost commands, refusals, silent
// parties, failing and lost workers, stops, reruns, restarts of the scheduler. Then the weather
// clears, and every job must have ended, the same at every party.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "scheduler/scheduler.h"

namespace fate::scheduler {
namespace {

using Key = std::tuple<std::string, std::string, int64_t>;  // job, task, version

// What one site knows.
struct SimulatedSite {
  std::map<std::string, Status> jobs;
  std::map<Key, Status> tasks;
};

class Federation {
 public:
  explicit Federation(unsigned seed) : random_(seed) {}

  void Create(int number) {
    JobPlan plan{.job_id = fmt::format("j{}", number), .sites = sites_};
    plan.priority = Pick(3);
    plan.auto_retries = Pick(3);
    plan.poll = Pick(2) == 0;
    plan.tasks = {{.name = "a", .sites = sites_},
                  {.name = "b", .sites = {sites_[0]}, .dependencies = {"a"}},
                  {.name = "c", .sites = sites_, .dependencies = {"a"}},
                  {.name = "d", .sites = sites_, .dependencies = {"b", "c"}}};
    JobRecord& record = tables_[plan.job_id];
    record = {.plan = plan, .order = number};
    for (const TaskPlan& task : plan.tasks) {
      TaskRecord& row = record.tasks.emplace_back();
      row.auto_retries = plan.auto_retries;
      for (const Site& site : task.sites) row.party_status[site] = Status::kWaiting;
    }
    open_tokens_.insert(++token_);
    Run(scheduler_->Create(plan, number, token_, now_));
  }

  void StormyStep() {
    switch (Pick(20)) {
      case 0:
        return Restart();
      case 1:
        return StopSomeJob();
      case 2:
        return RerunSomeJob();
      case 3:
      case 4:
      case 5:
        return Tick();
      case 6:
      case 7:
        return ReportSomething(kStormyEnds[Pick(4)], Pick(4) == 0);
      default:
        return AnswerSomething(Pick(6));
    }
  }

  void CalmStep() {
    Tick();
    while (!on_their_way_.empty()) AnswerSomething(5);
    ReportSomething(Status::kSuccess, false);
  }

  bool Idle() const { return scheduler_->Idle(); }

  // Every request was answered, every job has the same end everywhere.
  void ExpectAllIsSettled() {
    EXPECT_TRUE(open_tokens_.empty());
    for (const auto& [id, record] : tables_) {
      EXPECT_TRUE(IsEnd(record.status)) << id << " is " << Name(record.status);
      EXPECT_TRUE(record.end_delivered) << id;
      for (const Site& site : sites_) {
        auto job = world_[site].jobs.find(id);
        if (job == world_[site].jobs.end()) continue;  // never heard of it
        EXPECT_EQ(Name(job->second), Name(record.status)) << id << " " << site.ToString();
        for (const auto& [key, status] : world_[site].tasks) {
          EXPECT_NE(status, Status::kRunning) << std::get<1>(key) << " at " << site.ToString();
        }
      }
    }
  }

 private:
  static constexpr Status kStormyEnds[] = {Status::kSuccess, Status::kSuccess, Status::kSuccess,
                                           Status::kFailed};

  size_t Pick(size_t count) { return random_() % count; }

  template <class Map>
  auto PickFrom(Map& map) {
    return std::next(map.begin(), static_cast<ptrdiff_t>(Pick(map.size())));
  }

  void Tick() {
    now_ += absl::Seconds(1);
    Run(scheduler_->Tick(now_));
  }

  void Restart() {
    scheduler_ = std::make_unique<Scheduler>();
    on_their_way_.clear();
    busy_.clear();
    open_tokens_.clear();  // their connections are gone
    for (auto& [id, record] : tables_) {
      bool is_over = IsEnd(record.status) && record.end_delivered;
      if (!is_over) Run(scheduler_->Restore(record, now_));
    }
  }

  void Recall(const std::string& job) {
    if (!scheduler_->Knows(job)) Run(scheduler_->Restore(tables_[job], now_));
  }
  void StopSomeJob() {
    std::string job = PickFrom(tables_)->first;
    Recall(job);
    open_tokens_.insert(++token_);
    Status status = Pick(2) == 0 ? Status::kCanceled : Status::kFailed;
    Run(scheduler_->Stop(job, status, "storm", token_, now_));
  }
  void RerunSomeJob() {
    std::string job = PickFrom(tables_)->first;
    Recall(job);
    open_tokens_.insert(++token_);
    Run(scheduler_->Rerun(job, token_, now_));
  }

  // One running worker ends; its report may get lost.
  void ReportSomething(Status status, bool is_lost) {
    for (auto& [site, known] : world_) {
      for (auto& [key, task_status] : known.tasks) {
        if (task_status != Status::kRunning || Pick(2) == 0) continue;
        task_status = status;
        if (is_lost) return;
        bool effective = false;
        auto [job, task, version] = key;
        Run(scheduler_->Report({job, task, version, site, status, "storm"}, &effective, now_));
        return;
      }
    }
  }

  // A party has reasons to refuse these.
  static bool MayRefuse(Command command) {
    return command != Command::kJobStatusUpdate && command != Command::kTaskStatusUpdate &&
           command != Command::kTaskStop && command != Command::kJobStop;
  }

  // weather 0: lost on the way there; 1: lost on the way back; 2: refused; else done.
  void AnswerSomething(size_t weather) {
    if (on_their_way_.empty()) return;
    Send send = PickFrom(on_their_way_)->second;
    on_their_way_.erase(send.id);
    busy_.erase({send.job_id, send.site});
    PartyAnswer answer{.message = "words"};
    if (weather == 0) {
      answer.code = kUnansweredCode;
    } else if (weather == 2 && MayRefuse(send.command) && Pick(4) == 0) {
      constexpr int kCodes[] = {1002, 1005, 1006, 2001, 2004, 6000};
      answer.code = kCodes[Pick(6)];
    } else {
      Obey(send, &answer);
      if (weather == 1) answer.code = kUnansweredCode;
    }
    Run(scheduler_->Answer(send.id, answer, now_));
  }

  void Obey(const Send& send, PartyAnswer* answer) {
    SimulatedSite& site = world_[send.site];
    if (send.command != Command::kJobCreate && !site.jobs.contains(send.job_id)) {
      answer->code = send.command == Command::kJobStop ? 0 : 6000;
      return;
    }
    Key key{send.job_id, send.task, send.version};
    auto task = site.tasks.find(key);
    switch (send.command) {
      case Command::kJobCreate:
        site.jobs.emplace(send.job_id, Status::kReady);
        break;
      case Command::kJobStatusUpdate:
        MoveJob(site, send.job_id, send.status);
        break;
      case Command::kJobStart:
        MoveJob(site, send.job_id, Status::kRunning);
        break;
      case Command::kTaskStart:
        if (task == site.tasks.end()) site.tasks[key] = Status::kRunning;
        break;
      case Command::kTaskStop:
        if (task != site.tasks.end() && !IsEnd(task->second)) task->second = send.status;
        break;
      case Command::kJobStop:
        if (!IsEnd(site.jobs.at(send.job_id))) MoveJob(site, send.job_id, Status::kFailed);
        for (auto& [other, status] : site.tasks) {
          if (std::get<0>(other) == send.job_id && !IsEnd(status)) status = Status::kFailed;
        }
        break;
      case Command::kTaskCollect:
        answer->data = {
            {"party_status", task == site.tasks.end() ? "waiting" : Name(task->second)}};
        break;
      default:
        break;
    }
  }

  // Moves that are not allowed are dropped (spec/fate-flow.md 11).
  static void MoveJob(SimulatedSite& site, const std::string& job, Status status) {
    auto found = site.jobs.find(job);
    if (found != site.jobs.end() && CanJobMove(found->second, status)) found->second = status;
  }

  void Run(const Actions& actions) {
    for (const Action& action : actions) {
      std::visit([this](const auto& a) { Do(a); }, action);
    }
  }
  TaskRecord& Row(const std::string& job, const std::string& task) {
    return tables_[job].tasks[static_cast<size_t>(task[0] - 'a')];
  }
  void Do(const JobRow& row) {
    JobRecord& record = tables_[row.job_id];
    record.status = row.status;
    record.progress = row.progress;
    record.cancel_signal = row.cancel_signal;
    record.rerun_signal = row.rerun_signal;
    record.end_delivered = row.end_delivered;
  }
  void Do(const TaskRow& row) {
    TaskRecord& record = Row(row.job_id, row.task);
    record.version = row.version;
    record.status = row.status;
    record.auto_retries = row.auto_retries;
  }
  void Do(const SiteRow& row) { Row(row.job_id, row.task).party_status[row.site] = row.status; }
  void Do(const Send& send) {
    on_their_way_[send.id] = send;
    EXPECT_TRUE(busy_.insert({send.job_id, send.site}).second) << "two commands at once";
  }
  void Do(const Reply& reply) {
    EXPECT_EQ(open_tokens_.erase(reply.token), 1) << "answered twice: " << reply.message;
  }
  void Do(const Note&) {}
  void Do(const Forget&) {}

  const std::vector<Site> sites_ = {{"guest", "9999"}, {"host", "10000"}, {"arbiter", "10000"}};
  std::mt19937 random_;
  std::unique_ptr<Scheduler> scheduler_ = std::make_unique<Scheduler>();
  std::map<std::string, JobRecord> tables_;
  std::map<Site, SimulatedSite> world_;
  std::map<uint64_t, Send> on_their_way_;
  std::set<std::pair<std::string, Site>> busy_;
  std::set<uint64_t> open_tokens_;
  uint64_t token_ = 0;
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
};

TEST(Federation, SettlesAfterEveryStorm) {
  for (unsigned seed = 1; seed <= 500; ++seed) {
    Federation federation(seed);
    for (int step = 0; step < 400; ++step) {
      if (step % 100 == 0) federation.Create(step / 100);
      federation.StormyStep();
    }
    int steps = 0;
    while (!federation.Idle() && ++steps < 500) federation.CalmStep();
    ASSERT_TRUE(federation.Idle()) << "seed " << seed << " hangs";
    federation.ExpectAllIsSettled();
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace fate::scheduler
