#include "yaml/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace fate::yaml {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(Yaml, ScalarsGetTheTypesOfTheCoreSchema) {
  auto value = Parse(
      "a: 1\nb: -2.5e3\nc: true\nd: null\ne:\nf: 9999abc\ng: '9999'\nh: \"true\"\n"
      "i: ~\nj: 2.2.0\nk: [1, 'x']\nl: {m: {}}\n");
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, json::parse(R"({"a": 1, "b": -2500.0, "c": true, "d": null, "e": null,
      "f": "9999abc", "g": "9999", "h": "true", "i": null, "j": "2.2.0", "k": [1, "x"],
      "l": {"m": {}}})"));
}

TEST(Yaml, JsonIsYaml) {
  json value = {{"text", "a\n'b'"}, {"number", 1}, {"list", {nullptr, true}}};
  EXPECT_EQ(Parse(Write(value)).value(), value);
}

TEST(Yaml, SaysWhereADocumentIsWrong) {
  EXPECT_THAT(Message(Parse("a: [1, 2").status()), HasSubstr("not YAML: yaml-cpp: error at line"));
  EXPECT_THAT(Message(Parse("? [a]\n: b\n").status()), HasSubstr("a key is no text"));
}

TEST(Yaml, RefusesDocumentsThatExplode) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb +=
        fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
  }
  EXPECT_EQ(Parse(bomb).status().code(), absl::StatusCode::kResourceExhausted);
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "- ";
  EXPECT_EQ(Parse(deep + "x").status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Parse(std::string(100000, '[')).status().code(), absl::StatusCode::kResourceExhausted);
  std::string shallow = std::string(60, '[') + std::string(60, ']');
  EXPECT_TRUE(Parse(shallow).ok());
}

}  // namespace
}  // namespace fate::yaml
