#include "dataframe/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace fate::dataframe {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

Schema BreastGuest() {
  Schema schema;
  schema.fields = {{"extend_sid", "", Property::kSampleId, "index"},
                   {"id", "", Property::kMatchId, "index"},
                   {"y", "", Property::kLabel, "int32"},
                   {"x0"},
                   {"x1"}};
  schema.NameAnonymously("");
  return schema;
}

TEST(Schema, NamesColumnsAnonymouslyUntilThePartyIsKnown) {
  Schema schema = BreastGuest();
  EXPECT_EQ(schema.fields[1].anonymous_name, "");
  EXPECT_EQ(schema.fields[2].anonymous_name, "AnonymousRole_AnonymousPartyId_y");
  EXPECT_EQ(schema.fields[4].anonymous_name, "AnonymousRole_AnonymousPartyId_x1");
  schema.BindSite("guest", "9999");
  EXPECT_EQ(schema.fields[2].anonymous_name, "guest_9999_y");
  EXPECT_EQ(schema.fields[4].anonymous_name, "guest_9999_x1");
  EXPECT_EQ(schema.site_name, "guest_9999");
  schema.BindSite("host", "10000");
  EXPECT_EQ(schema.fields[4].anonymous_name, "guest_9999_x1");
}

TEST(Schema, JsonIsTheMetaOfAStoredFrame) {
  Schema schema = BreastGuest();
  json meta = schema.ToJson({300, 0, 1});
  EXPECT_EQ(meta["type"], "fate.arch.dataframe");
  EXPECT_EQ(meta["schema_meta"]["sample_id_name"], "extend_sid");
  EXPECT_EQ(meta["schema_meta"]["label_name"], "y");
  EXPECT_EQ(meta["schema_meta"]["weight_name"], nullptr);
  EXPECT_EQ(meta["schema_meta"]["anonymous_summary"]["column_len"], 2);
  EXPECT_EQ(meta["partition_order_mappings"],
            json::parse(R"({"0": {"start_index": 0, "end_index": 299, "start_block_id": 0,
                                  "end_block_id": 2},
                            "2": {"start_index": 300, "end_index": 300, "start_block_id": 3,
                                  "end_block_id": 3}})"));
  auto read = Schema::FromJson(meta);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ToJson({300, 0, 1}), meta);
  EXPECT_EQ(read->ColumnIndex("x1"), 1);
  EXPECT_EQ(read->ColumnIndex("y"), -1);
}

TEST(Schema, SaysWhatIsWrongWithAMeta) {
  auto field = [](const char* name, const char* property, const char* dtype = "float64") {
    return json{{"name", name}, {"property", property}, {"dtype", dtype}};
  };
  struct Case {
    json fields;
    const char* text;
  };
  for (const auto& [fields, text] : std::vector<Case>{
           {"none", "not a data frame"},
           {json::array(), "the first field is not the sample id"},
           {{field("x", "column")}, "the first field is not the sample id"},
           {{field("s", "sample_id"), field("t", "sample_id")}, "two fields are the sample_id"},
           {{field("s", "sample_id"), field("x", "column"), field("x", "column")},
            "two columns are named 'x'"},
           {{field("s", "key")}, "property 'key' is unknown"},
           {{field("s", "sample_id", "blob")}, "dtype 'blob' of field 's' is unknown"},
           {{json{{"name", 3}}}, "'name' is not a text"},
           {{4}, "a field is not an object"}}) {
    auto schema = Schema::FromJson({{"schema_meta", {{"fields", fields}}}});
    ASSERT_FALSE(schema.ok()) << fields;
    EXPECT_THAT(Message(schema.status()), HasSubstr(text));
  }
}

}  // namespace
}  // namespace fate::dataframe
