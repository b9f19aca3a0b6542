#include "fate_component/define.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "algo/registry.h"
#include "base/status.h"

namespace fate::component {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

algo::ComponentRegistry Registry() {
  algo::ComponentRegistry registry;
  algo::RegisterAllComponents(registry);
  return registry;
}

json Type(const char* name, json uri_types, const char* path_type) {
  return {{{"type_name", name}, {"uri_types", uri_types}, {"path_type", path_type}}};
}

json Artifact(const char* name, json types, bool optional = false) {
  return {{"name", name}, {"is_multi", false}, {"optional", optional}, {"types", types}};
}

const json kMetric = {Artifact("metric", Type("json_metric", {"file", "http"}, "file"))};

// spec/fate-flow.md 15.2 and 19
TEST(Define, TellsWhatToyExampleGives) {
  auto registry = Registry();
  EXPECT_EQ(
      Define(*registry.Find("toy_example"), "default"),
      json({{"inputs", {{"data", json::array()}, {"model", json::array()}}},
            {"outputs",
             {{"data",
               {Artifact("output_data", Type("dataframe", {"eggroll", "hdfs"}, "distributed"))}},
              {"model", {Artifact("json_model_output", Type("json_model", {"file"}, "file"))}},
              {"metric", kMetric}}}}));
}

TEST(Define, TellsWhatReaderAndTransformerTakeAndGive) {
  auto registry = Registry();
  EXPECT_EQ(Define(*registry.Find("reader"), "default")["outputs"]["data"],
            json({Artifact("output_data", Type("data_unresolved", {"unresolved"}, "unresolved"))}));
  json transformer = Define(*registry.Find("dataframe_transformer"), "default");
  EXPECT_EQ(transformer["inputs"]["data"],
            json({Artifact("table", Type("table", {"eggroll", "hdfs"}, "distributed"))}));
  EXPECT_EQ(transformer["outputs"]["data"][0]["name"], "dataframe_output");
}

TEST(Define, LeavesOutArtifactsOfOtherStages) {
  algo::Component component;
  component.input_data = {{"train_data", "dataframe", false, false, {"train"}},
                          {"test_data", "dataframe", false, true, {"predict"}},
                          {"any", "dataframe"}};
  json data = Define(component, "predict")["inputs"]["data"];
  ASSERT_EQ(data.size(), 2u);
  EXPECT_EQ(data[0]["name"], "test_data");
  EXPECT_EQ(data[0]["optional"], true);
  EXPECT_EQ(data[1]["name"], "any");
}

TEST(FindComponent, NamesTheKnownOnesAndTheirRoles) {
  auto registry = Registry();
  EXPECT_THAT(Message(FindComponent(registry, "nope", "guest").status()),
              HasSubstr("component 'nope' is unknown; known are"));
  EXPECT_THAT(Message(FindComponent(registry, "toy_example", "arbiter").status()),
              HasSubstr("toy_example has no role 'arbiter'; it runs as guest, host"));
  EXPECT_TRUE(FindComponent(registry, "upload", "local").ok());
}

}  // namespace
}  // namespace fate::component
