#include "algo/upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "algo/temporary_file.h"
#include "base/status.h"

namespace fate::algo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

struct Uploaded {
  TableMeta meta;
  std::vector<std::string> rows;  // "key -> value"
  std::string error;
};

struct Options {
  bool head = true;
  bool extend_sid = false;
  TableMeta meta;
};

Uploaded Read(const std::string& content, const Options& options = {}) {
  TemporaryFile file(content);
  Uploaded result;
  auto source = UploadSource::Open(file.path(), options.head, options.extend_sid, options.meta);
  if (!source.ok()) {
    result.error = Message(source.status());
    return result;
  }
  std::string key, value;
  for (;;) {
    auto more = source->Next(key, value);
    if (!more.ok()) result.error = Message(more.status());
    if (!more.ok() || !*more) break;
    result.rows.push_back(key + " -> " + value);
  }
  result.meta = source->meta();
  return result;
}

TEST(Upload, KeyIsTheFirstColumnAndValueTheRest) {
  auto table = Read("id,y,x0\n133,1,0.25\n273,0,-1\n");
  EXPECT_EQ(table.error, "");
  EXPECT_THAT(table.rows, ElementsAre("133 -> 1,0.25", "273 -> 0,-1"));
  EXPECT_EQ(table.meta.sample_id_name, "id");
  EXPECT_EQ(table.meta.ToJson()["header"], "id,y,x0");
}

TEST(Upload, TheIdColumnMayLieAnywhereAndComesFirstInTheHeader) {
  TableMeta meta;
  meta.sample_id_name = "id";
  auto table = Read("y,id,x0\n1,a,0.5\n,b,\n", {.meta = meta});
  EXPECT_EQ(table.error, "");
  EXPECT_THAT(table.rows, ElementsAre("a -> 1,0.5", "b -> ,"));
  EXPECT_EQ(table.meta.ToJson()["header"], "id,y,x0");
  meta.sample_id_name = "x0";
  EXPECT_THAT(Read("y,id,x0\n1,a,0.5\n", {.meta = meta}).rows, ElementsAre("0.5 -> 1,a"));
}

TEST(Upload, ExtendSidKeepsTheLineAndNumbersTheKeys) {
  auto table = Read("id,x0\n7,0.5\n\n7,0.5  \r\n", {.extend_sid = true});
  EXPECT_EQ(table.error, "");
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_THAT(table.rows[0], MatchesRegex("[0-9a-f]{32}0 -> 7,0.5"));
  EXPECT_EQ(table.rows[1], table.rows[0].substr(0, 32) + "1 -> 7,0.5");
  EXPECT_EQ(table.meta.sample_id_name, "extend_sid");
  EXPECT_EQ(table.meta.ToJson()["header"], "extend_sid,id,x0");
}

TEST(Upload, AFileWithoutHeadHasTheHeaderOfItsMeta) {
  TableMeta meta;
  meta.header = {"id", "x0"};
  auto table = Read("1,2\n", {.head = false, .meta = meta});
  EXPECT_THAT(table.rows, ElementsAre("1 -> 2"));
  EXPECT_EQ(table.meta.sample_id_name, "id");
  table = Read("1,2\n", {.head = false});
  EXPECT_THAT(table.rows, ElementsAre("1 -> 2"));
  EXPECT_EQ(table.meta.sample_id_name, "");
}

TEST(Upload, OtherDelimitersKeepEmptyEdgeFields) {
  TableMeta meta;
  meta.delimiter = "\t";
  auto table = Read("id\tx0\tx1\na\t\t\n", {.meta = meta});
  EXPECT_EQ(table.error, "");
  EXPECT_THAT(table.rows, ElementsAre("a -> \t"));
}

TEST(Upload, SaysWhatIsWrongWithAFile) {
  TableMeta other_id;
  other_id.sample_id_name = "sid";
  EXPECT_THAT(Read("").error, HasSubstr("is empty"));
  EXPECT_THAT(Read("\n\n").error, HasSubstr("is empty"));
  EXPECT_THAT(Read("id,x0\n").error, HasSubstr("the file has no rows"));
  EXPECT_THAT(Read("id,x0\n1,2\n", {.meta = other_id}).error,
              HasSubstr("the id column 'sid' is not in the header 'id,x0'"));
  EXPECT_THAT(Read("id,x0,x0\n1,2,3\n").error, HasSubstr("names column 'x0' twice"));
  EXPECT_THAT(Read("id,,x0\n1,2,3\n").error, HasSubstr("column 2 of the header has no name"));
  EXPECT_THAT(Read("extend_sid,x0\n1,2\n", {.extend_sid = true}).error, HasSubstr("twice"));
  EXPECT_THAT(Read("id,x0\n1,2\n3\n").error, HasSubstr(":3: the line has 1 fields, the header 2"));
  EXPECT_THAT(Read("id,x0\n1,2,3\n").error, HasSubstr("3 fields, the header 2"));
  EXPECT_THAT(Read("id,x0\n,2\n").error, HasSubstr(":2: the id is empty"));
  EXPECT_THAT(Read("id,x0\n" + std::string(481, 'a') + ",2\n").error,
              HasSubstr("the id has 481 bytes"));
  EXPECT_THAT(Read(std::string("id,x0\n1,\0\n", 10)).error, HasSubstr("NUL"));
}

TEST(Upload, ChecksItsParametersBeforeItStarts) {
  auto check = [](nlohmann::json parameters) {
    return Message(Upload().check_parameters(parameters));
  };
  nlohmann::json good = {{"file", "/a.csv"}, {"namespace", "n"}, {"name", "t"}};
  EXPECT_EQ(check(good), "");
  auto with = [&](const char* key, nlohmann::json value) {
    auto changed = good;
    changed[key] = value;
    return changed;
  };
  EXPECT_THAT(check(with("partitions", 0)), HasSubstr("parameter 'partitions' of upload"));
  EXPECT_THAT(check(with("name", "../x")), HasSubstr("../x"));
  EXPECT_THAT(check(with("file", nullptr)), HasSubstr("'file' of upload is missing"));
  EXPECT_THAT(check(with("head", 1)), HasSubstr("'head' of upload must be true or false"));
  EXPECT_THAT(check(with("meta", 3)), HasSubstr("meta of a table must be an object"));
  EXPECT_THAT(check(with("meta", {{"label_type", "text"}})), HasSubstr("label_type"));
  EXPECT_THAT(check(with("meta", {{"delimiter", ""}})), HasSubstr("delimiter"));
}

}  // namespace
}  // namespace fate::algo
