#include "clustermanager/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace fate::clustermanager {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::StatusOr<std::string> PathOf(const std::string& text) {
  return DatabasePath(*Properties::Parse(text, "conf/eggroll.properties"), "/data/fate");
}

TEST(SchemaTest, TheUrlNamesAnSqliteFile) {
  EXPECT_EQ(*PathOf("eggroll.resourcemanager.clustermanager.jdbc.url=jdbc:sqlite:/a/b.db?x=1"),
            "/a/b.db");
  EXPECT_EQ(*PathOf(""), "/data/fate/eggroll_meta.db");
}

TEST(SchemaTest, MysqlIsRefusedWithPlaceAndRemedy) {
  auto path =
      PathOf("[eggroll]\neggroll.resourcemanager.clustermanager.jdbc.url=jdbc:mysql://h:3306/m");
  EXPECT_THAT(Message(path.status()),
              AllOf(HasSubstr("conf/eggroll.properties:2"), HasSubstr("clustermanager.jdbc.url"),
                    HasSubstr("jdbc:mysql://h:3306/m"), HasSubstr("jdbc:sqlite:")));
}

// The documented columns of spec 13, in their order.
TEST(SchemaTest, TablesHaveTheDocumentedColumns) {
  auto database = OpenDatabase(":memory:");
  ASSERT_TRUE(database.ok()) << database.status();
  auto columns = [&](const std::string& table) {
    std::string names;
    sql::Rows rows = *(*database)->Query("select name from pragma_table_info(?)", {table});
    for (const auto& row : rows) {
      names += row.Text("name") + " ";
    }
    return names;
  };
  EXPECT_EQ(columns("session_main"),
            "session_id name status status_reason before_status tag total_proc_count "
            "active_proc_count created_at updated_at ");
  EXPECT_EQ(columns("session_processor"),
            "processor_id session_id server_node_id processor_type status before_status tag "
            "command_endpoint transfer_endpoint processor_option pid created_at updated_at ");
  EXPECT_EQ(columns("store_locator"),
            "store_locator_id store_type namespace name path total_partitions key_serdes_type "
            "value_serdes_type partitioner_type version status created_at updated_at ");
  EXPECT_EQ(columns("server_node"),
            "server_node_id name server_cluster_id host port node_type status last_heartbeat_at "
            "created_at updated_at ");
  EXPECT_EQ(columns("node_resource"),
            "resource_id server_node_id resource_type total used pre_allocated allocated "
            "extention status created_at updated_at ");
}

TEST(SchemaTest, DateTimesSurviveTheColumn) {
  absl::Time time = absl::FromUnixSeconds(1724207472);
  EXPECT_EQ(ToDateTime(time), "2024-08-21 02:31:12");
  EXPECT_EQ(FromDateTime(ToDateTime(time)), time);
  EXPECT_EQ(FromDateTime(""), absl::InfinitePast());
}

}  // namespace
}  // namespace fate::clustermanager
