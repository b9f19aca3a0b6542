#include "fateflow/scheduler_store.h"

#include <gmock/gmock.h>

#include "base/status.h"

namespace fate::flow {
namespace {

using scheduler::Actions;
using scheduler::JobRow;
using scheduler::Site;
using scheduler::SiteRow;
using scheduler::Status;
using scheduler::TaskRow;
using testing::ElementsAre;

const absl::Time kNow = absl::FromUnixMillis(1'800'000'000'000);
const Site kGuest{"guest", "9999"};
const Site kHost{"host", "10000"};

dag::Dag TwoTasks() {
  auto dag = dag::Dag::ParseText(R"({
    "dag": {"parties": [{"role": "guest", "party_id": ["9999"]},
                        {"role": "host", "party_id": ["10000"]}],
            "conf": {"priority": 7, "auto_retries": 2, "initiator_party_id": "9999"},
            "tasks": {"b": {"component_ref": "psi", "inputs": {"data": {"x": {
                             "task_output_artifact": {"producer_task": "a",
                                                      "output_artifact_key": "o"}}}}},
                      "a": {"component_ref": "reader",
                            "parties": [{"role": "guest", "party_id": ["9999"]}]}}},
    "schema_version": "2.2.0"})");
  EXPECT_TRUE(dag.ok()) << dag.status();
  return *std::move(dag);
}

class StoreTest : public testing::Test {
 protected:
  StoreTest() { EXPECT_TRUE(store_->AddJob("j1", dag_, kNow).ok()); }

  void Write(const Actions& actions, absl::Time now = kNow) {
    auto written = store_->Write(
        actions, [this](const std::string&) { return &dag_; }, now);
    EXPECT_TRUE(written.ok()) << written;
  }
  sql::Row JobRowOf(const std::string& job_id) {
    return database_->Query("select * from t_schedule_job where f_job_id = ?", {job_id})->at(0);
  }

  dag::Dag dag_ = TwoTasks();
  std::unique_ptr<sql::Database> database_ = *sql::Database::OpenSqlite(":memory:");
  std::unique_ptr<SchedulerStore> store_ = *SchedulerStore::Open(*database_);
};

TEST(PlanOf, TakesWhatTheStateMachineNeeds) {
  scheduler::JobPlan plan = PlanOf("j1", TwoTasks());
  EXPECT_THAT(plan.sites, ElementsAre(kGuest, kHost));
  ASSERT_EQ(plan.tasks.size(), 2);
  EXPECT_EQ(plan.tasks[0].name, "a");
  EXPECT_THAT(plan.tasks[0].sites, ElementsAre(kGuest));
  EXPECT_THAT(plan.tasks[1].dependencies, ElementsAre("a"));
  EXPECT_EQ(plan.priority, 7);
  EXPECT_EQ(plan.auto_retries, 2);
  EXPECT_FALSE(plan.poll);
}

TEST_F(StoreTest, RefusesTheSameJobTwice) {
  EXPECT_EQ(store_->AddJob("j1", dag_, kNow).code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(StoreTest, KnowsANewJobAgain) {
  auto job = store_->Load("j1");
  ASSERT_TRUE(job.ok() && *job) << job.status();
  EXPECT_EQ((*job)->record.status, Status::kReady);
  EXPECT_EQ((*job)->record.tasks.size(), 2);
  EXPECT_EQ((*job)->record.tasks[1].party_status.at(kHost), Status::kWaiting);
  EXPECT_EQ((*job)->record.tasks[0].auto_retries, 2);
  EXPECT_EQ((*job)->dag->ToJson(), dag_.ToJson());
  EXPECT_FALSE(store_->Load("nope")->has_value());
}

TEST_F(StoreTest, GivesBackTheNewestVersionOfEachTask) {
  Write({JobRow{"j1", Status::kRunning, 50, true, true, false},
         TaskRow{"j1", "a", 0, Status::kSuccess, 2},
         SiteRow{"j1", "a", 0, kGuest, Status::kSuccess}, TaskRow{"j1", "b", 0, Status::kFailed, 2},
         SiteRow{"j1", "b", 0, kHost, Status::kFailed}, TaskRow{"j1", "b", 1, Status::kRunning, 1},
         SiteRow{"j1", "b", 1, kHost, Status::kRunning}});
  scheduler::JobRecord record = (*store_->Load("j1"))->record;
  EXPECT_EQ(record.status, Status::kRunning);
  EXPECT_EQ(record.progress, 50);
  EXPECT_TRUE(record.cancel_signal);
  EXPECT_TRUE(record.rerun_signal);
  EXPECT_FALSE(record.end_delivered);
  EXPECT_EQ(record.tasks[0].status, Status::kSuccess);
  EXPECT_EQ(record.tasks[1].version, 1);
  EXPECT_EQ(record.tasks[1].status, Status::kRunning);
  EXPECT_EQ(record.tasks[1].auto_retries, 1);
  EXPECT_EQ(record.tasks[1].party_status.at(kHost), Status::kRunning);
  EXPECT_EQ(record.tasks[1].party_status.at(kGuest), Status::kWaiting);
}

TEST_F(StoreTest, WritesTimesAndTheTagOfTheEnd) {
  Write({JobRow{"j1", Status::kRunning, 0, false, false, false}});
  Write({JobRow{"j1", Status::kRunning, 10, false, false, false}}, kNow + absl::Seconds(1));
  Write({JobRow{"j1", Status::kSuccess, 100, false, false, false}}, kNow + absl::Seconds(3));
  sql::Row row = JobRowOf("j1");
  EXPECT_EQ(row.Int("f_start_time"), absl::ToUnixMillis(kNow));
  EXPECT_EQ(row.Int("f_elapsed"), 3000);
  EXPECT_EQ(row.Text("f_tag"), "job_end");
  EXPECT_EQ(row.Int("f_priority"), 7);
}

TEST_F(StoreTest, ListsJobsThatNeedAttention) {
  EXPECT_TRUE(store_->AddJob("j2", dag_, kNow + absl::Seconds(1)).ok());
  EXPECT_TRUE(store_->AddJob("j3", dag_, kNow + absl::Seconds(2)).ok());
  Write({JobRow{"j1", Status::kSuccess, 100, false, false, true},
         JobRow{"j2", Status::kFailed, 100, false, false, false},
         JobRow{"j3", Status::kRunning, 0, false, false, false}});
  EXPECT_THAT(*store_->UnfinishedJobs(), ElementsAre("j2", "j3"));
}

TEST_F(StoreTest, WritesAllRowsOrNone) {
  ASSERT_TRUE(database_->ExecuteScript("drop table t_schedule_task").ok());
  absl::Status written = store_->Write(
      {JobRow{"j1", Status::kRunning, 0, false, false, false},
       SiteRow{"j1", "a", 0, kGuest, Status::kWaiting}},
      [this](const std::string&) { return &dag_; }, kNow);
  EXPECT_FALSE(written.ok());
  EXPECT_EQ(JobRowOf("j1").Text("f_status"), "ready");
}

TEST_F(StoreTest, TellsWhichTasksExist) {
  Write({SiteRow{"j1", "a", 0, kGuest, Status::kWaiting}});
  scheduler::TaskReport report{.job_id = "j1", .task = "a", .version = 0, .site = kGuest};
  EXPECT_TRUE(*store_->HasTask(report));
  report.version = 1;
  EXPECT_FALSE(*store_->HasTask(report));
}

}  // namespace
}  // namespace fate::flow
