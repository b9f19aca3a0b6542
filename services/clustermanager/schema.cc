#include "clustermanager/schema.h"

#include <filesystem>

#include "base/status.h"

namespace fate::clustermanager {
namespace {

constexpr char kUrlKey[] = "eggroll.resourcemanager.clustermanager.jdbc.url";

// Statements of eggroll's create-eggroll-meta-tables.sql in SQLite's words. MySQL's prefix indexes
// become plain ones.
constexpr char kSchema[] = R"sql(
create table if not exists store_locator(
  store_locator_id integer primary key autoincrement,
  store_type varchar(255) not null,
  namespace varchar(2000) not null default 'DEFAULT',
  name varchar(2000) not null,
  path varchar(2000) not null default '',
  total_partitions int not null,
  key_serdes_type int not null default 0,
  value_serdes_type int not null default 0,
  partitioner_type int not null default 0,
  version int not null default 0,
  status varchar(255) not null,
  created_at datetime default current_timestamp,
  updated_at datetime default current_timestamp);
create unique index if not exists idx_u_store_locator_ns_n on store_locator(namespace, name);

create table if not exists store_option(
  store_option_id integer primary key autoincrement,
  store_locator_id bigint not null,
  name varchar(255) not null,
  data varchar(2000) not null default '',
  created_at datetime not null default current_timestamp,
  updated_at datetime not null default current_timestamp);
create index if not exists idx_store_option_si on store_option(store_locator_id);

create table if not exists store_partition(
  store_partition_id integer primary key autoincrement,
  store_locator_id bigint not null,
  node_id bigint not null,
  partition_id int not null,
  status varchar(255) not null,
  created_at datetime default current_timestamp,
  updated_at datetime default current_timestamp);
create unique index if not exists idx_u_store_partition_si_spi_ni
  on store_partition(store_locator_id, store_partition_id, node_id);

create table if not exists server_node(
  server_node_id integer primary key autoincrement,
  name varchar(2000) not null default '',
  server_cluster_id bigint not null default 0,
  host varchar(1000) not null,
  port int not null,
  node_type varchar(255) not null,
  status varchar(255) not null,
  last_heartbeat_at datetime,
  created_at datetime not null default current_timestamp,
  updated_at datetime not null default current_timestamp);
create index if not exists idx_server_node_h_p_nt on server_node(host, port, node_type);

create table if not exists session_main(
  session_id varchar(767) not null primary key,
  name varchar(2000) not null default '',
  status varchar(255) not null,
  status_reason varchar(255),
  before_status varchar(255),
  tag varchar(255),
  total_proc_count int,
  active_proc_count int,
  created_at datetime not null default current_timestamp,
  updated_at datetime not null default current_timestamp);
create index if not exists idx_session_main_s on session_main(status);

create table if not exists session_option(
  session_option_id integer primary key autoincrement,
  session_id varchar(2000),
  name varchar(255) not null,
  data varchar(2000) not null default '',
  created_at datetime not null default current_timestamp,
  updated_at datetime not null default current_timestamp);
create index if not exists idx_session_option_si on session_option(session_id);

create table if not exists session_processor(
  processor_id integer primary key autoincrement,
  session_id varchar(767),
  server_node_id int not null,
  processor_type varchar(255) not null,
  status varchar(255),
  before_status varchar(255),
  tag varchar(255),
  command_endpoint varchar(255),
  transfer_endpoint varchar(255),
  processor_option varchar(512),
  pid int not null default -1,
  created_at datetime not null default current_timestamp,
  updated_at datetime not null default current_timestamp);
create index if not exists idx_session_processor_si on session_processor(session_id);

create table if not exists processor_resource(
  id integer primary key autoincrement,
  processor_id bigint not null,
  session_id varchar(767),
  server_node_id int not null,
  resource_type varchar(255),
  allocated bigint not null default 0,
  extention varchar(512),
  status varchar(255),
  pid int not null default -1,
  created_at datetime not null default current_timestamp,
  updated_at datetime not null default current_timestamp);
create index if not exists idx_processor_id_processor_resource on processor_resource(processor_id);

create table if not exists node_resource(
  resource_id integer primary key autoincrement,
  server_node_id bigint not null,
  resource_type varchar(255),
  total bigint not null default 0,
  used bigint not null default 0,
  pre_allocated bigint not null default 0,
  allocated bigint not null default 0,
  extention varchar(512),
  status varchar(255),
  created_at datetime not null default current_timestamp,
  updated_at datetime not null default current_timestamp);
create unique index if not exists idx_u_node_resource on node_resource(server_node_id, resource_type);

create table if not exists session_ranks(
  container_id integer primary key autoincrement,
  session_id varchar(767),
  server_node_id int not null,
  global_rank int not null,
  local_rank int not null);
create index if not exists idx_session_id_session_ranks on session_ranks(session_id);
)sql";

}  // namespace

absl::StatusOr<std::string> DatabasePath(const Properties& properties,
                                         const std::string& data_dir) {
  std::string url = properties.Get(kUrlKey);
  if (url.empty()) return data_dir + "/eggroll_meta.db";
  constexpr std::string_view kSqlite = "jdbc:sqlite:";
  if (url.rfind(kSqlite, 0) != 0) {
    return properties.Error(
        kUrlKey,
        "this version keeps its metadata in SQLite only; write jdbc:sqlite:<path of a "
        "file>, for example jdbc:sqlite:/data/projects/fate/eggroll/data/eggroll_meta.db");
  }
  std::string path = url.substr(kSqlite.size(), url.find('?') - kSqlite.size());
  if (path.empty()) return properties.Error(kUrlKey, "name a file after jdbc:sqlite:");
  return path;
}

absl::StatusOr<std::unique_ptr<sql::Database>> OpenDatabase(const std::string& path) {
  std::error_code ignored;  // OpenSqlite tells what is wrong
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  ASSIGN_OR_RETURN(auto database, sql::Database::OpenSqlite(path));
  absl::Status created = database->ExecuteScript(kSchema);
  if (!created.ok()) return Annotate(created, "database " + path);
  return database;
}

std::string ToDateTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::UTCTimeZone());
}

absl::Time FromDateTime(const std::string& text) {
  absl::Time time;
  std::string error;
  return absl::ParseTime("%Y-%m-%d %H:%M:%S", text, absl::UTCTimeZone(), &time, &error)
             ? time
             : absl::InfinitePast();
}

}  // namespace fate::clustermanager
