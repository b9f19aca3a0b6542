// Plays the scripts of testdata/*.txt: '>' lines are events, '<' lines what the scheduler does
// (row writes, commands, replies, log lines with '!' for errors). With several
// jobs each command shows its job. Syntax of events:
//
//   > create J [priority=N] [retries=N] [poll] SITE... | TASK[(DEPENDENCY...)][@SITE...] ...
//   > ok                      every command on its way is answered with 0, in order
//   > ok SITE | > ok J        ... those to one site, or of one job
//   > answer SITE CODE [engine_down|again|party_status=S] [TEXT]   the command on its way to SITE
//   > report SITE TASK vN STATUS [TEXT]
//   > stop J STATUS | > rerun J | > returned | > after SECONDS
//   > restart                 a new scheduler knows what the old one has written down
//
// A SITE is written guest:9999. "answer" takes the oldest command to the site.

#include "scheduler/scheduler.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"

namespace fate::scheduler {
namespace {

std::string Text(const Site& site) { return site.role + ":" + site.party_id; }

Site ParseSite(std::string_view text) {
  auto pieces = Split(text, ':');
  return {std::string(pieces.at(0)), std::string(pieces.at(1))};
}

// "lr(psi,reader)@guest:9999,host:10000"
TaskPlan ParseTask(std::string text, const std::vector<Site>& sites) {
  TaskPlan task;
  task.sites = sites;
  if (size_t at = text.find('@'); at != std::string::npos) {
    task.sites.clear();
    for (auto site : Split(text.substr(at + 1), ',')) task.sites.push_back(ParseSite(site));
    text.resize(at);
  }
  if (size_t open = text.find('('); open != std::string::npos) {
    std::string needed = text.substr(open + 1, text.size() - open - 2);
    for (auto name : Split(needed, ',')) task.dependencies.emplace_back(name);
    text.resize(open);
  }
  task.name = text;
  return task;
}

// A scheduler, its tables and the commands on their way.
class Stage {
 public:
  std::string Play(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    std::vector<std::string> rest;
    for (std::string word; words >> word;) rest.push_back(word);
    out_.clear();
    Do(verb, rest);
    return out_;
  }

 private:
  void Do(const std::string& verb, const std::vector<std::string>& words) {
    if (verb == "create") {
      Create(words);
    } else if (verb == "ok") {
      for (const Send& send : Waiting(words)) Answer(send, {.message = "success"});
    } else if (verb == "answer") {
      AnswerWith(words);
    } else if (verb == "report") {
      Report(words);
    } else if (verb == "stop") {
      Run(scheduler_->Stop(words.at(0), *ParseStatus(words.at(1)), "by request", ++token_, now_));
    } else if (verb == "rerun") {
      Run(scheduler_->Rerun(words.at(0), ++token_, now_));
    } else if (verb == "returned") {
      Run(scheduler_->ResourcesReturned(now_));
    } else if (verb == "after") {
      now_ += absl::Milliseconds(static_cast<int64_t>(1000 * std::stod(words.at(0))));
      Run(scheduler_->Tick(now_));
    } else if (verb == "restart") {
      Restart();
    } else {
      ADD_FAILURE() << "unknown event " << verb;
    }
  }

  void Create(const std::vector<std::string>& words) {
    JobPlan plan{.job_id = words.at(0)};
    bool tasks = false;
    for (size_t i = 1; i < words.size(); ++i) {
      if (words[i] == "|") {
        tasks = true;
      } else if (tasks) {
        plan.tasks.push_back(ParseTask(words[i], plan.sites));
      } else if (words[i] == "poll") {
        plan.poll = true;
      } else if (words[i].starts_with("priority=")) {
        plan.priority = std::stoi(words[i].substr(9));
      } else if (words[i].starts_with("retries=")) {
        plan.auto_retries = std::stoi(words[i].substr(8));
      } else {
        plan.sites.push_back(ParseSite(words[i]));
      }
    }
    JobRecord& record = tables_[plan.job_id];
    record = {.plan = plan, .order = ++order_};
    for (const TaskPlan& task : plan.tasks) {
      TaskRecord& row = record.tasks.emplace_back();
      row.auto_retries = plan.auto_retries;
      for (const Site& site : task.sites) row.party_status[site] = Status::kWaiting;
    }
    Run(scheduler_->Create(plan, order_, ++token_, now_));
  }

  std::vector<Send> Waiting(const std::vector<std::string>& words) const {
    std::vector<Send> found;
    for (const auto& [id, send] : on_their_way_) {
      if (words.empty() || words[0] == Text(send.site) || words[0] == send.job_id) {
        found.push_back(send);
      }
    }
    EXPECT_FALSE(found.empty()) << "nothing is on its way";
    return found;
  }

  void Answer(const Send& send, PartyAnswer answer) {
    on_their_way_.erase(send.id);
    Run(scheduler_->Answer(send.id, std::move(answer), now_));
  }

  void AnswerWith(const std::vector<std::string>& words) {
    PartyAnswer answer{.code = std::stoi(words.at(1))};
    for (size_t i = 2; i < words.size(); ++i) {
      if (words[i] == "engine_down") {
        answer.data = {{"engine_unavailable", true}};
      } else if (words[i] == "again") {
        answer.attempts = 2;
      } else if (words[i].starts_with("party_status=")) {
        answer.data = {{"party_status", words[i].substr(13)}};
      } else {
        answer.message += (answer.message.empty() ? "" : " ") + words[i];
      }
    }
    auto sends = Waiting({words.at(0)});
    if (!sends.empty()) Answer(sends[0], answer);
  }

  void Report(const std::vector<std::string>& words) {
    TaskReport report{.task = words.at(1), .site = ParseSite(words.at(0))};
    report.job_id = tables_.begin()->first;
    report.version = std::stoi(words.at(2).substr(1));
    report.status = *ParseStatus(words.at(3));
    for (size_t i = 4; i < words.size(); ++i) {
      report.message += (report.message.empty() ? "" : " ") + words[i];
    }
    bool effective = false;
    Run(scheduler_->Report(report, &effective, now_));
    if (!effective) out_ += "< no effect\n";
  }

  void Restart() {
    scheduler_ = std::make_unique<Scheduler>();
    on_their_way_.clear();
    for (auto& [id, record] : tables_) Run(scheduler_->Restore(record, now_));
  }

  void Run(const Actions& actions) {
    for (const Action& action : actions) {
      std::visit([this](const auto& a) { Print(a); }, action);
    }
  }
  void Say(const std::string& text) { out_ += "< " + text + "\n"; }

  TaskRecord& Row(const std::string& job, const std::string& task) {
    JobRecord& record = tables_[job];
    for (size_t i = 0; i < record.plan.tasks.size(); ++i) {
      if (record.plan.tasks[i].name == task) return record.tasks[i];
    }
    ADD_FAILURE() << "row of unknown task " << task;
    return record.tasks[0];
  }

  void Print(const JobRow& row) {
    JobRecord& record = tables_[row.job_id];
    record.status = row.status;
    record.progress = row.progress;
    record.cancel_signal = row.cancel_signal;
    record.rerun_signal = row.rerun_signal;
    record.end_delivered = row.end_delivered;
    Say(fmt::format("row {} {} {:.0f}%{}{}{}", row.job_id, Name(row.status), row.progress,
                    row.cancel_signal ? " cancel" : "", row.rerun_signal ? " rerun" : "",
                    row.end_delivered ? " delivered" : ""));
  }
  void Print(const TaskRow& row) {
    TaskRecord& record = Row(row.job_id, row.task);
    record.version = row.version;
    record.status = row.status;
    record.auto_retries = row.auto_retries;
    Say(fmt::format("row {} {} v{} {}", row.job_id, row.task, row.version, Name(row.status)));
  }
  void Print(const SiteRow& row) {
    Row(row.job_id, row.task).party_status[row.site] = row.status;
    Say(fmt::format("row {} {} v{} {} {}", row.job_id, row.task, row.version, Text(row.site),
                    Name(row.status)));
  }
  void Print(const Send& send) {
    on_their_way_[send.id] = send;
    std::string job = tables_.size() > 1 ? send.job_id + " " : "";
    Say(fmt::format("{}{} {}", job, Text(send.site), Describe(send)));
  }
  void Print(const Reply& reply) {
    Say(fmt::format("reply {} {} {}", reply.token, reply.code, reply.message));
  }
  void Print(const Note& note) {
    Say(fmt::format("log{} {}", note.is_error ? "!" : "", note.text));
  }
  void Print(const Forget& forget) { Say("forget " + forget.job_id); }

  std::unique_ptr<Scheduler> scheduler_ = std::make_unique<Scheduler>();
  std::map<std::string, JobRecord> tables_;
  std::map<uint64_t, Send> on_their_way_;
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  uint64_t token_ = 0;
  int64_t order_ = 0;
  std::string out_;
};

// What the script says, with the scheduler's own words in place of the expected ones.
std::string Perform(const std::string& script) {
  Stage stage;
  std::istringstream lines(script);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("<")) continue;
    result += line + "\n";
    if (line.starts_with(">")) result += stage.Play(line.substr(1));
  }
  return result;
}

class Script : public testing::TestWithParam<std::string> {};

TEST_P(Script, EndsAsWritten) {
  std::ifstream file(GetParam());
  std::stringstream script;
  script << file.rdbuf();
  std::string performed = Perform(script.str());
  EXPECT_EQ(performed, script.str()) << "in " << GetParam();
  if (const char* folder = std::getenv("SCHEDULER_SCRIPTS_TO")) {
    std::ofstream(std::filesystem::path(folder) / std::filesystem::path(GetParam()).filename())
        << performed;
  }
}

std::vector<std::string> ScriptFiles() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator("testdata")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Testdata, Script, testing::ValuesIn(ScriptFiles()), [](const auto& info) {
  return std::filesystem::path(info.param).stem().string();
});

TEST(Body, HasTheFieldsOfTheSpec) {
  Send send{.job_id = "j1", .site = {"host", "10000"}, .command = Command::kTaskStop};
  send.task = "toy_0";
  send.version = 2;
  send.status = Status::kFailed;
  EXPECT_EQ(Path(send.command), "/v2/partner/task/stop");
  EXPECT_EQ(Body(send).dump(),
            R"({"job_id":"j1","role":"host","party_id":"10000","task_id":"j1_toy_0",)"
            R"("task_version":2,"status":"failed"})");
  send.command = Command::kJobUpdate;
  send.progress = 50;
  EXPECT_EQ(Body(send).dump(),
            R"({"job_id":"j1","role":"host","party_id":"10000","progress":50.0})");
}

}  // namespace
}  // namespace fate::scheduler
