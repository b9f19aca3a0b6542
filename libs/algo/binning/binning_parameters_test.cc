#include "algo/binning/binning_parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "algo/binning/binning_model.h"
#include "base/status.h"

namespace fate::algo {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

dataframe::Schema ThreeColumns() {
  dataframe::Schema schema;
  schema.fields = {{"sid", "", dataframe::Property::kSampleId, "index"},
                   {"x0", "guest_9999_x0"},
                   {"x1", "guest_9999_x1"},
                   {"x2", "guest_9999_x2"}};
  return schema;
}

std::string Names(const std::vector<BinnedColumn>& columns) {
  std::string names;
  for (const auto& column : columns) {
    names += fmt::format("{}{}{} ", column.name, column.is_category ? "*" : "", column.index);
  }
  return names;
}

absl::StatusOr<std::string> Resolve(const json& parameters) {
  ASSIGN_OR_RETURN(const auto parsed, BinningParameters::Parse(parameters));
  ASSIGN_OR_RETURN(const auto columns, parsed.Resolve(ThreeColumns()));
  return Names(columns);
}

TEST(BinningParameters, HaveUpstreamsDefaultsButAStrongerKey) {
  const auto parameters = BinningParameters::Parse(json::object());
  ASSERT_TRUE(parameters.ok()) << parameters.status();
  EXPECT_EQ(parameters->method, BinningMethod::kQuantile);
  EXPECT_EQ(parameters->n_bins, 10);
  EXPECT_EQ(parameters->key_bits, 2048);
  EXPECT_EQ(parameters->adjustment_factor, 0.5);
  EXPECT_EQ(parameters->woe_definition, WoeDefinition::kFate1);
  EXPECT_TRUE(BinningParameters::Parse({{"compatibility", "fate-2.2"},
                                        {"he_param", {{"kind", "paillier"}, {"key_length", 1024}}},
                                        {"bin_col", nullptr},
                                        {"transform_method", nullptr}})
                  .ok());
}

TEST(BinningParameters, ErrorsNameParameterAndRemedy) {
  struct Case {
    json parameters;
    std::string text;
  };
  for (const auto& [parameters, text] : std::vector<Case>{
           {{{"n_bins", 1}}, "'n_bins' of hetero_feature_binning must be an integer from 2"},
           {{{"method", "optimal"}}, "'method'"},
           {{{"method", "manual"}}, "needs parameter 'split_pt_dict'"},
           {{{"split_pt_dict", {{"x0", {1}}}}}, "column 'x0' needs 2 to"},
           {{{"split_pt_dict", {{"x0", {1, "a"}}}}}, "split point of 'x0' is \"a\""},
           {{{"bin_col", "x0"}}, "'bin_col'"},
           {{{"bin_col", {"x0"}}, {"bin_idx", {0}}}, "'bin_col' and 'bin_idx'"},
           {{{"category_idx", {-1}}}, "'category_idx'"},
           {{{"relative_error", 0}}, "'relative_error'"},
           {{{"adjustment_factor", -1}}, "'adjustment_factor'"},
           {{{"transform_method", "log"}}, "'transform_method'"},
           {{{"compatibility", "fate-3"}}, "'compatibility'"},
           {{{"he_param", {{"kind", "mock"}}}}, "mock is not allowed in config"},
           {{{"he_param", {{"key_length", 512}}}}, "key size 512 is too small, minimum is 1024"},
       }) {
    EXPECT_THAT(Message(BinningParameters::Parse(parameters).status()), HasSubstr(text))
        << parameters;
  }
}

TEST(BinningParameters, ChooseColumnsByNameIndexOrAnonymousName) {
  EXPECT_EQ(*Resolve(json::object()), "x00 x11 x22 ");
  EXPECT_EQ(*Resolve({{"bin_col", {"x2", "x0"}}}), "x22 x00 ");
  EXPECT_EQ(*Resolve({{"bin_idx", {1}}}), "x11 ");
  EXPECT_EQ(*Resolve({{"category_col", {"x1"}}}), "x00 x22 x1*1 ");
  EXPECT_EQ(*Resolve({{"bin_col", {"guest_9999_x1"}}, {"use_anonymous", true}}), "x11 ");
  EXPECT_THAT(Message(Resolve({{"bin_col", {"x9"}}}).status()),
              AllOf(HasSubstr("'bin_col'"), HasSubstr("'x9'"), HasSubstr("x0, x1, x2")));
  EXPECT_THAT(Message(Resolve({{"bin_idx", {3}}}).status()), HasSubstr("'bin_idx'"));
  EXPECT_THAT(Message(Resolve({{"bin_col", {"x1", "x1"}}}).status()), HasSubstr("twice"));
  EXPECT_FALSE(Resolve({{"bin_col", json::array()}}).ok());
}

BinningModel SmallModel() {
  BinningModel model;
  model.columns = {{{"x0", "guest_9999_x0", 0, false}, {{1.5, 2.5}, false}},
                   {{"x2", "guest_9999_x2", 2, true}, {{0, 7, 9}, true}}};
  for (const auto& counts : std::vector<BinCounts>{{{3, 2}, {1, 2}}, {{1, 2, 2}, {1, 1, 1}}}) {
    model.metrics.push_back(ComputeMetrics(counts, WoeDefinition::kFate1, 0.5));
  }
  model.host_metrics["host_10000"] = {{"host_10000_x0", model.metrics[0]}};
  return model;
}

TEST(BinningModel, IsUpstreamsJson) {
  const json model = SmallModel().ToJson();
  EXPECT_EQ(model["data"]["split_pt_dict"], json::parse(R"({"x0": {"0": 1.5, "1": 2.5}})"));
  EXPECT_EQ(model["data"]["bin_count_dict"], json::parse(R"({"x0": 2, "x2": 3})"));
  const json& summary = model["data"]["metrics_summary"];
  EXPECT_EQ(summary["event_count"]["x0"], json::parse(R"({"0": 1, "1": 2})"));
  EXPECT_EQ(summary["non_event_count"]["x0"], json::parse(R"({"0": 2, "1": 0})"));
  EXPECT_TRUE(summary["is_monotonic"]["x0"]);
  for (const char* member : {"event_rate", "non_event_rate", "woe", "iv_array", "iv"}) {
    EXPECT_TRUE(summary[member].contains("x2")) << member;
  }
  EXPECT_TRUE(model["data"]["host_metrics_summary"]["host_10000"]["iv"].contains("host_10000_x0"));
  EXPECT_EQ(model["data"]["woe_dict"], summary["woe"]);
  EXPECT_EQ(model["meta"]["model_type"], "binning");
  EXPECT_EQ(model["meta"]["column_anonymous_map"]["x2"], "guest_9999_x2");
  EXPECT_EQ(model["meta"]["metrics"], json::array({"iv"}));
}

TEST(BinningModel, OfAHostHasNoMetrics) {
  BinningModel model = SmallModel();
  model.metrics.clear();
  model.host_metrics.clear();
  const json out = model.ToJson();
  EXPECT_TRUE(out["data"]["metrics_summary"].is_null());
  EXPECT_TRUE(out["data"]["woe_dict"].is_null());
  EXPECT_TRUE(BinningModel::FromJson(out, ThreeColumns())->metrics.empty());
}

TEST(BinningModel, SurvivesTheRoundTripThatPredictionNeeds) {
  const BinningModel model = SmallModel();
  const auto read = BinningModel::FromJson(model.ToJson(), ThreeColumns());
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->columns.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read->columns[i].column.name, model.columns[i].column.name);
    EXPECT_EQ(read->columns[i].column.index, model.columns[i].column.index);
    EXPECT_EQ(read->columns[i].bins.boundaries, model.columns[i].bins.boundaries);
    EXPECT_EQ(read->columns[i].bins.is_category, model.columns[i].bins.is_category);
    EXPECT_EQ(read->metrics[i].woe, model.metrics[i].woe);
  }
}

TEST(BinningModel, BrokenInputModelsAreRefused) {
  const json good = SmallModel().ToJson();
  json broken = good;
  broken["data"].erase("split_pt_dict");
  EXPECT_THAT(Message(BinningModel::FromJson(broken, ThreeColumns()).status()),
              HasSubstr("data.split_pt_dict"));
  broken = good;
  broken["data"]["split_pt_dict"]["y7"] = {1, 2};
  EXPECT_THAT(Message(BinningModel::FromJson(broken, ThreeColumns()).status()), HasSubstr("'y7'"));
  broken = good;
  broken["data"]["split_pt_dict"]["x0"] = {2, 1};
  EXPECT_FALSE(BinningModel::FromJson(broken, ThreeColumns()).ok());
  broken = good;
  broken["data"]["woe_dict"]["x0"] = {1};
  EXPECT_FALSE(BinningModel::FromJson(broken, ThreeColumns()).ok());
  EXPECT_FALSE(BinningModel::FromJson("text", ThreeColumns()).ok());
}

}  // namespace
}  // namespace fate::algo
