#include "sql/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace fate::sql {
namespace {

using ::testing::HasSubstr;

class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Database::OpenSqlite(":memory:");
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
    ASSERT_TRUE(
        database_->ExecuteScript("create table t (a text primary key, b int, c real)").ok());
  }
  std::unique_ptr<Database> database_;
};

TEST_F(DatabaseTest, ValuesComeBackAsTheyWent) {
  std::string text("a\0'b", 4);
  ASSERT_EQ(*database_->Execute("insert into t values (?, ?, ?)", {text, 7, 1.5}), 1);
  ASSERT_EQ(*database_->Execute("insert into t values (?, ?, ?)", {"n", Null{}, Null{}}), 1);
  auto rows = database_->Query("select * from t order by a");
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].Text("a"), text);
  EXPECT_EQ((*rows)[0].Int("b"), 7);
  EXPECT_EQ((*rows)[0].Double("c"), 1.5);
  EXPECT_TRUE((*rows)[1].IsNull("b"));
}

TEST_F(DatabaseTest, AnErrorInATransactionRollsBack) {
  auto status = database_->Transaction([](Database& db) -> absl::Status {
    RETURN_IF_ERROR(db.Execute("insert into t values ('x', 1, 1)").status());
    return InternalError("stop");
  });
  EXPECT_EQ(Message(status), "stop");
  EXPECT_EQ((*database_->Query("select count(*) n from t"))[0].Int("n"), 0);
}

TEST_F(DatabaseTest, ErrorsNameTheStatement) {
  EXPECT_THAT(Message(database_->Query("select nope from t").status()), HasSubstr("select nope"));
  ASSERT_TRUE(database_->Execute("insert into t values ('x', 1, 1)").ok());
  EXPECT_EQ(database_->Execute("insert into t values ('x', 1, 1)").status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(database_->Execute("insert into t values (?, 1, 1)").ok());
  EXPECT_THAT(Message(Database::OpenSqlite("/nonexistent/x.db").status()),
              HasSubstr("/nonexistent/x.db"));
}

}  // namespace
}  // namespace fate::sql
