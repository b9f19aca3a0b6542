#include "algo/row_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/status.h"

namespace fate::algo {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The meta of an upload of the breast table with extend_sid.
json BreastMeta() {
  return {{"header", "extend_sid,id,y,x0,x1"},
          {"sample_id_name", "extend_sid"},
          {"label_name", "y"},
          {"dtype", "float64"},
          {"label_type", "int64"}};
}

absl::StatusOr<RowPlan> Plan(const json& meta) {
  auto parsed = TableMeta::FromJson(meta);
  if (!parsed.ok()) return parsed.status();
  return PlanRows(*parsed);
}

json With(json meta, const char* key, json value) {
  meta[key] = std::move(value);
  return meta;
}

std::string ErrorOf(const json& meta) { return Message(Plan(meta).status()); }

absl::StatusOr<dataframe::Row> Parse(const json& meta, const std::string& line) {
  auto plan = Plan(meta);
  if (!plan.ok()) return plan.status();
  return RowParser(plan->format).Parse("s1", line);
}

TEST(PlanRows, MakesTheSchemaOfAnUploadedTable) {
  auto plan = Plan(BreastMeta());
  ASSERT_TRUE(plan.ok()) << plan.status();
  std::vector<std::string> fields;
  for (const auto& field : plan->schema.fields) {
    fields.push_back(field.name + " " + dataframe::PropertyName(field.property) + " " +
                     field.dtype);
  }
  EXPECT_THAT(fields, ElementsAre("extend_sid sample_id index", "id match_id index",
                                  "y label int64", "x0 column float64", "x1 column float64"));
}

TEST(PlanRows, WithoutAMatchIdTheSampleIdMatches) {
  auto row = Parse({{"header", "sid,x0"}, {"sample_id_name", "sid"}}, "2");
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(row->match_id, "s1");
  row = Parse({{"header", "sid,phone"}, {"sample_id_name", "sid"}, {"match_id_name", "phone"}},
              "555");
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(row->match_id, "555");
  EXPECT_THAT(row->values, ElementsAre());
}

// spec/federated-algorithms.md 18, B2
TEST(PlanRows, RefusesWhatUpstreamRefusesInItsWords) {
  EXPECT_EQ(ErrorOf(With(BreastMeta(), "sample_id_name", nullptr)),
            "Please provide sample_id_name");
  EXPECT_EQ(ErrorOf(With(BreastMeta(), "input_format", "sparse")),
            "Only support dense input format in this version.");
}

TEST(PlanRows, SaysWhichColumnIsMissing) {
  EXPECT_THAT(ErrorOf(With(BreastMeta(), "label_name", "target")),
              HasSubstr("the label column 'target' is not in the header 'id,y,x0,x1'"));
  EXPECT_THAT(ErrorOf(With(BreastMeta(), "weight_name", "y")),
              HasSubstr("column 'y' cannot be the weight too"));
  EXPECT_THAT(ErrorOf(With(BreastMeta(), "match_id_name", "phone")), HasSubstr("match id column"));
  EXPECT_THAT(ErrorOf(With(BreastMeta(), "header", nullptr)), HasSubstr("has no header"));
  EXPECT_THAT(ErrorOf(With(BreastMeta(), "match_id_range", 2)), HasSubstr("several match ids"));
  EXPECT_THAT(ErrorOf(With(BreastMeta(), "dtype", "text")), HasSubstr("parameter 'dtype'"));
}

TEST(RowParser, ReadsNumbersAndMissingCells) {
  auto row = Parse(With(BreastMeta(), "na_values", {"NA", -999}), "133, 1 ,+0.5,NA");
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(row->sample_id, "s1");
  EXPECT_EQ(row->match_id, "133");
  EXPECT_EQ(row->label, 1);
  EXPECT_EQ(row->values[0], 0.5);
  EXPECT_TRUE(std::isnan(row->values[1]));
  row = Parse(With(BreastMeta(), "na_values", {"NA", -999}), "133,0,-999,");
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_TRUE(std::isnan(row->values[0]) && std::isnan(row->values[1]));
}

TEST(RowParser, RoundsToTheTypeOfTheColumn) {
  auto row =
      Parse(With(BreastMeta(), "dtype", {{"x0", "float32"}, {"x1", "float64"}}), "1,1,0.1,0.1");
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(row->values[0], double(0.1f));
  EXPECT_EQ(row->values[1], 0.1);
}

TEST(RowParser, NamesRowAndColumnOfABadCell) {
  auto error = [](const std::string& line) { return Message(Parse(BreastMeta(), line).status()); };
  EXPECT_EQ(error("133,1,abc,2"), "row 's1': column 'x0' holds 'abc', which is no number");
  EXPECT_EQ(error("133,1.5,1,2"), "row 's1': column 'y' holds '1.5', which is no int64");
  EXPECT_EQ(error("133,good,1,2"), "row 's1': column 'y' holds 'good', which is no int64");
  EXPECT_EQ(error("133,1e300,1,2"), "row 's1': column 'y' holds '1e300', which is no int64");
  EXPECT_EQ(error("133,,1,2"), "row 's1': column 'y' is empty; labels and weights must be present");
  EXPECT_EQ(error("133,1,1"), "row 's1' has 3 fields, the header 4");
  EXPECT_EQ(error("133,1,1,2,3"), "row 's1' has 5 fields, the header 4");
  EXPECT_THAT(error("133,1,1," + std::string(1000, 'z')), HasSubstr("zzz...', which is no number"));
}

}  // namespace
}  // namespace fate::algo
