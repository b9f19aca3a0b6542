#include "dag/dag.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "base/status.h"

namespace fate::dag {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Site kGuest{"guest", "9999"};
const Site kHost{"host", "10000"};
const Site kOtherHost{"host", "10001"};
const Site kArbiter{"arbiter", "10000"};

std::string File(const std::string& name) {
  std::ifstream file("testdata/dag_fuzz_corpus/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Dag Load(const std::string& name) {
  auto dag = Dag::ParseText(File(name));
  EXPECT_TRUE(dag.ok()) << dag.status();
  return *std::move(dag);
}

// The message for the toy DAG with one change.
std::string ErrorAfter(const std::function<void(Json&)>& change) {
  Json schema = *ParseJson(File("toy.json"));
  change(schema["dag"]);
  auto dag = Dag::Parse(schema);
  EXPECT_EQ(dag.status().code(), absl::StatusCode::kInvalidArgument);
  return dag.ok() ? "no error" : Message(dag.status());
}

Json TaskOutput(const std::string& producer) {
  return {{"data",
           {{"x",
             {{"task_output_artifact",
               {{"producer_task", producer}, {"output_artifact_key", "output_data"}}}}}}}};
}

// spec/fate-flow.md 10.4
TEST(Dag, ReadsTheToyJob) {
  Dag dag = Load("toy.json");
  EXPECT_THAT(dag.Sites(), ElementsAre(kGuest, kHost));
  EXPECT_THAT(dag.TasksOf(kGuest), ElementsAre("toy_example_0"));
  TaskAtSite task = *dag.TaskAt(kHost, "toy_example_0");
  EXPECT_EQ(task.component_ref, "toy_example");
  EXPECT_EQ(task.stage, "default");
  EXPECT_EQ(task.parameters.dump(), R"({"data_num":1024,"partition":4})");
  EXPECT_EQ(task.inputs.dump(), R"({"data":null,"model":null})");
}

// spec/fate-flow.md 6.1
TEST(Dag, WritesEveryKeyAlsoThoseUnset) {
  Json dag = Load("toy.json").ToJson();
  EXPECT_EQ(dag["schema_version"], "2.0.0.alpha");
  EXPECT_EQ(dag["kind"], "fate");
  EXPECT_EQ(dag["dag"]["conf"].dump(),
            R"({"priority":null,"scheduler_party_id":null,"initiator_party_id":null,)"
            R"("inheritance":null,"cores":null,"computing_partitions":null,"sync_type":null,)"
            R"("auto_retries":null,"model_id":null,"model_version":null,"model_warehouse":null,)"
            R"("task":null,"extra":null})");
  EXPECT_TRUE(dag["dag"]["party_tasks"].is_null());
  EXPECT_TRUE(dag["dag"]["tasks"]["toy_example_0"]["inputs"].is_null());
}

TEST(Dag, IsTheSameAfterTheWayThroughJson) {
  Dag dag = Load("train.json");
  auto again = Dag::Parse(dag.ToJson());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->ToJson(), dag.ToJson());
}

TEST(Dag, PassesThroughSortedJsonOfHttpBodies) {
  nlohmann::json body = Load("train.json").ToJson();
  auto again = Dag::Parse(body);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->tasks().size(), 5);
}

// spec/fate-flow.md 10.1: numbers are converted to strings.
TEST(Dag, TurnsNumbersIntoTextsWhereTextsBelong) {
  Dag dag = Load("train.json");
  EXPECT_TRUE(dag.Has(kGuest));
  EXPECT_EQ(dag.conf().model_warehouse["model_version"], "7");
  EXPECT_EQ(dag.conf().priority, 3);
}

TEST(Dag, OrdersTasksByDependencyThenAsWritten) {
  Dag dag = Load("train.json");
  EXPECT_THAT(dag.TasksOf(kGuest),
              ElementsAre("reader_0", "psi_0", "union_0", "lr_0", "evaluation_0"));
  EXPECT_THAT(dag.TasksOf(kArbiter), ElementsAre("lr_0"));
}

// evaluation_0 lists reader_0 under dependent_tasks, which is informative only.
TEST(Dag, DependsOnProducersOnly) {
  Dag dag = Load("train.json");
  EXPECT_THAT(dag.DependenciesOf(*dag.FindTask("evaluation_0")), ElementsAre("lr_0"));
  EXPECT_THAT(dag.DependenciesOf(*dag.FindTask("union_0")), ElementsAre("reader_0"));
  EXPECT_THAT(dag.DependenciesOf(*dag.FindTask("lr_0")), ElementsAre("psi_0"));
}

// spec/fate-flow.md 10.2
TEST(TaskAtSite, OverlaysParametersOfTheParty) {
  Dag dag = Load("train.json");
  EXPECT_EQ(dag.TaskAt(kGuest, "lr_0")->parameters.dump(), R"({"epochs":5,"batch_size":null})");
  EXPECT_EQ(dag.TaskAt(kHost, "lr_0")->parameters.dump(), R"({"epochs":3,"batch_size":null})");
  EXPECT_EQ(dag.TaskAt(kOtherHost, "reader_0")->parameters["name"], "breast_host");
}

TEST(TaskAtSite, OverlaysSettingsFromJobToPartyTask) {
  Dag dag = Load("train.json");
  Json guest = dag.TaskAt(kGuest, "lr_0")->conf;
  EXPECT_EQ(guest["timeout"], 90);
  EXPECT_EQ(guest["launcher_name"], "special");
  EXPECT_EQ(guest["provider"], "fate:2.1.0@local");
  EXPECT_EQ(dag.TaskAt(kGuest, "psi_0")->conf["timeout"], 80);
  EXPECT_EQ(dag.TaskAt(kHost, "lr_0")->conf["timeout"], 60);
  EXPECT_EQ(dag.TaskAt(kHost, "psi_0")->conf.contains("timeout"), false);
}

TEST(TaskAtSite, TakesTheStageOfTheTaskBeforeThatOfTheJob) {
  Dag dag = Load("train.json");
  EXPECT_EQ(dag.TaskAt(kGuest, "evaluation_0")->stage, "default");
  EXPECT_EQ(dag.TaskAt(kGuest, "lr_0")->stage, "train");
}

TEST(TaskAtSite, KeepsOnlyChannelsOfTheSite) {
  Dag dag = Load("train.json");
  EXPECT_EQ(dag.TaskAt(kHost, "lr_0")->inputs.dump(),
            R"({"data":{"train_data":{"producer_task":"psi_0","output_artifact_key":"output_data",)"
            R"("parties":[{"role":"host","party_id":["10000"]}]}},"model":null})");
  EXPECT_EQ(dag.TaskAt(kArbiter, "lr_0")->inputs.dump(), R"({"data":null,"model":null})");
}

TEST(TaskAtSite, MakesAListOfOneASingleChannel) {
  Dag dag = Load("train.json");
  Json one = dag.TaskAt(kGuest, "evaluation_0")->inputs["data"]["input_datas"];
  EXPECT_EQ(one["producer_task"], "lr_0");
  Json two = dag.TaskAt(kGuest, "union_0")->inputs["data"]["input_datas"];
  ASSERT_EQ(two.size(), 2);
  EXPECT_EQ(two[1]["output_artifact_key"], "b");
}

TEST(TaskAtSite, FillsModelChannelsFromTheWarehouseOfTheJob) {
  Dag dag = Load("train.json");
  Json model = dag.TaskAt(kOtherHost, "lr_0")->inputs["model"]["warm_start_model"];
  EXPECT_EQ(model["model_id"], "m1");
  EXPECT_EQ(model["model_version"], "7");
}

TEST(TaskAtSite, ListsItsLinks) {
  std::vector<Link> links = Load("train.json").TaskAt(kGuest, "lr_0")->links;
  ASSERT_EQ(links.size(), 1);
  EXPECT_EQ(links[0].producer_task, "psi_0");
  EXPECT_EQ(links[0].kind, "data");
  EXPECT_EQ(links[0].input_key, "train_data");
  EXPECT_EQ(links[0].output_key, "output_data");
}

TEST(TaskAtSite, RefusesTasksAndSitesItDoesNotKnow) {
  Dag dag = Load("train.json");
  EXPECT_EQ(Message(dag.TaskAt(kGuest, "nope").status()), "the job has no task nope");
  EXPECT_EQ(Message(dag.TaskAt(kArbiter, "psi_0").status()),
            "task psi_0 does not run at arbiter 10000");
}

TEST(DagErrors, NameThePlace) {
  EXPECT_EQ(ErrorAfter([](Json& dag) { dag["tasks"]["toy_example_0"].erase("component_ref"); }),
            "tasks.toy_example_0.component_ref is missing");
  EXPECT_EQ(ErrorAfter([](Json& dag) { dag.erase("parties"); }),
            "dag.parties is missing; a job needs at least one party");
  EXPECT_EQ(ErrorAfter([](Json& dag) { dag["parties"][1]["party_id"] = Json::array(); }),
            "dag.parties[1].party_id of role host must be a list with at least one id");
  EXPECT_EQ(ErrorAfter([](Json& dag) { dag["parties"][1]["party_id"] = {"../x"}; }),
            "dag.parties[1].party_id holds '../x', which is no party id");
  EXPECT_EQ(ErrorAfter([](Json& dag) { dag["parties"][1]["role"] = "guset"; }),
            "dag.parties[1].role is 'guset'; one of arbiter, guest, host, local is possible");
  EXPECT_EQ(ErrorAfter([](Json& dag) { dag["parties"].push_back(dag["parties"][0]); }),
            "dag.parties names guest 9999 twice");
  EXPECT_EQ(ErrorAfter([](Json& dag) { dag["conf"]["cores"] = "many"; }),
            "dag.conf.cores must be a whole number from 0 to 1000000");
  EXPECT_EQ(ErrorAfter([](Json& dag) { dag["tasks"] = Json::object(); }),
            "dag.tasks holds 0 tasks; 1 to 1000 are possible");
}

TEST(DagErrors, FindUnknownProducersAndCycles) {
  EXPECT_EQ(ErrorAfter([](Json& dag) {
              dag["tasks"]["toy_example_0"]["inputs"] = TaskOutput("reader_9");
            }),
            "task toy_example_0 takes an output of task reader_9, which does not exist");
  EXPECT_EQ(ErrorAfter([](Json& dag) {
              dag["tasks"]["a"] = {{"component_ref", "x"}, {"inputs", TaskOutput("b")}};
              dag["tasks"]["b"] = {{"component_ref", "x"}, {"inputs", TaskOutput("a")}};
            }),
            "tasks wait for each other in a cycle: a, b");
}

TEST(DagErrors, RefusePartiesOfATaskThatAreNotInTheJob) {
  EXPECT_EQ(ErrorAfter([](Json& dag) {
              Json party = {{"role", "host"}, {"party_id", {"7"}}};
              dag["tasks"]["toy_example_0"]["parties"] = Json::array({party});
            }),
            "task toy_example_0 names host 7, who is not among dag.parties");
}

// spec/fate-flow.md 24, case 23
TEST(DagErrors, RefuseUnknownKeysInChannels) {
  EXPECT_THAT(ErrorAfter([](Json& dag) {
                Json inputs = TaskOutput("toy_example_0");
                inputs["data"]["x"]["task_output_artifact"]["bogus"] = 1;
                dag["tasks"]["toy_example_0"]["inputs"] = inputs;
              }),
              HasSubstr("inputs.data.x.task_output_artifact has the unknown key 'bogus'"));
}

TEST(DagErrors, RefuseNamesThatAreNoFolders) {
  for (const char* name : {"..", "a/b", "", "a b"}) {
    EXPECT_THAT(ErrorAfter([&](Json& dag) {
                  dag["tasks"][name] = {{"component_ref", "x"}};
                }),
                HasSubstr("is not usable"))
        << name;
  }
}

TEST(ParseJson, IsBoundedInDepth) {
  EXPECT_TRUE(ParseJson(std::string(60, '[') + std::string(60, ']')).ok());
  auto deep = ParseJson(std::string(1'000'000, '['));
  EXPECT_EQ(deep.status().code(), absl::StatusCode::kInvalidArgument);
  deep = ParseJson(std::string(80, '[') + std::string(80, ']'));
  EXPECT_EQ(Message(deep.status()), "JSON deeper than 64 levels");
}

}  // namespace
}  // namespace fate::dag
