#include "fateflow/schema.h"

#include <algorithm>

#include "base/status.h"
#include "base/text.h"

namespace fate::flow {
namespace {

constexpr char kSchema[] = R"(
create table if not exists t_job (
  f_create_time bigint, f_update_time bigint,
  f_protocol varchar(50) not null default 'fate', f_flow_id varchar(25) not null default '',
  f_job_id varchar(25) not null, f_user_name varchar(500), f_description text, f_tag varchar(50),
  f_dag longtext not null, f_parties longtext not null, f_initiator_party_id varchar(50) not null,
  f_scheduler_party_id varchar(50) not null, f_status varchar(50) not null, f_status_code integer,
  f_status_message text, f_inheritance longtext, f_role varchar(50) not null,
  f_party_id varchar(50) not null, f_progress integer default 0, f_model_id varchar(100),
  f_model_version varchar(10) not null, f_engine_name varchar(50),
  f_cores integer not null default 0, f_memory integer not null default 0,
  f_remaining_cores integer not null default 0, f_remaining_memory integer not null default 0,
  f_resource_in_use bool not null default 0, f_apply_resource_time bigint,
  f_return_resource_time bigint, f_start_time bigint, f_end_time bigint, f_elapsed bigint,
  primary key (f_job_id, f_role, f_party_id));
create table if not exists t_task (
  f_create_time bigint, f_update_time bigint,
  f_protocol varchar(50) not null default 'fate', f_job_id varchar(25) not null,
  f_role varchar(50) not null, f_party_id varchar(50) not null, f_task_name varchar(50) not null,
  f_component varchar(50) not null, f_task_id varchar(100) not null, f_task_version bigint not null,
  f_execution_id varchar(100) not null, f_scheduler_party_id varchar(50) not null,
  f_status varchar(50) not null, f_status_code integer, f_component_parameters longtext,
  f_task_run longtext, f_memory integer not null default 0, f_task_cores integer not null default 0,
  f_resource_in_use bool not null default 0, f_worker_id varchar(100), f_cmd longtext,
  f_run_ip varchar(100), f_run_port integer, f_run_pid integer, f_party_status varchar(50) not null,
  f_provider_name varchar(50) not null, f_task_parameters longtext, f_engine_conf longtext,
  f_kill_status bool not null default 0, f_error_report text not null default '',
  f_sync_type varchar(20) not null, f_timeout integer, f_launcher_name varchar(20),
  f_start_time bigint, f_end_time bigint, f_elapsed bigint,
  primary key (f_job_id, f_task_id, f_task_version, f_role, f_party_id));
create index if not exists t_task_execution on t_task (f_execution_id);
create index if not exists t_task_party_status on t_task (f_party_status);
create table if not exists t_worker (
  f_create_time bigint, f_update_time bigint,
  f_worker_id varchar(100) primary key, f_worker_name varchar(50) not null,
  f_job_id varchar(25) not null, f_task_id varchar(100) not null, f_task_version bigint not null,
  f_role varchar(50) not null, f_party_id varchar(50) not null, f_run_ip varchar(100),
  f_run_pid integer, f_http_port integer, f_grpc_port integer, f_config longtext, f_cmd longtext,
  f_start_time bigint, f_end_time bigint);
create index if not exists t_worker_job on t_worker (f_job_id);
create table if not exists t_tracking_data_output (
  f_create_time bigint, f_update_time bigint,
  f_job_id varchar(25) not null, f_task_id varchar(100), f_task_version bigint,
  f_task_name varchar(50) not null, f_role varchar(50) not null, f_party_id varchar(50) not null,
  f_output_key varchar(30) not null, f_index integer not null, f_uri varchar(200),
  f_namespace varchar(200) not null, f_name varchar(200) not null,
  primary key (f_job_id, f_task_id, f_task_version, f_role, f_party_id, f_output_key, f_uri));
create table if not exists t_model_meta (
  f_create_time bigint, f_update_time bigint,
  f_model_id varchar(100) not null, f_model_version varchar(10) not null,
  f_job_id varchar(25) not null, f_role varchar(50) not null, f_party_id varchar(50) not null,
  f_task_name varchar(50) not null, f_storage_key varchar(100) not null,
  f_output_key varchar(20) not null, f_type_name varchar(20) not null, f_meta_data longtext,
  f_storage_engine varchar(30),
  primary key (f_job_id, f_storage_key, f_storage_engine));
create index if not exists t_model_meta_model on t_model_meta (f_model_id, f_model_version);
create table if not exists t_engine_registry (
  f_create_time bigint, f_update_time bigint,
  f_engine_type varchar(10) not null, f_engine_name varchar(50) not null,
  f_engine_config longtext not null, f_cores integer not null, f_memory integer not null,
  f_remaining_cores integer not null, f_remaining_memory integer not null,
  primary key (f_engine_name, f_engine_type));
create table if not exists t_provider_info (
  f_create_time bigint, f_update_time bigint,
  f_provider_name varchar(100) primary key, f_name varchar(20) not null,
  f_version varchar(20) not null, f_device varchar(20) not null, f_metadata longtext not null);
create table if not exists t_component_info (
  f_create_time bigint, f_update_time bigint,
  f_provider_name varchar(100) not null, f_protocol varchar(20) not null,
  f_name varchar(20) not null, f_version varchar(20) not null, f_device varchar(20) not null,
  f_component_name varchar(50) not null, f_component_entrypoint longtext,
  f_component_description longtext,
  primary key (f_provider_name, f_component_name, f_protocol));
create table if not exists t_server (
  id integer primary key autoincrement, f_create_time bigint, f_update_time bigint,
  f_server_name varchar(30) not null, f_host varchar(30) not null, f_port integer not null,
  f_protocol varchar(10) not null);
create table if not exists t_service (
  f_create_time bigint, f_update_time bigint,
  f_server_name varchar(30) not null, f_service_name varchar(30) not null,
  f_url varchar(100) not null, f_method varchar(10) not null, f_params longtext, f_data longtext,
  f_headers longtext, primary key (f_server_name, f_service_name));
create table if not exists t_storage_connector (
  f_create_time bigint, f_update_time bigint,
  f_name varchar(100) primary key, f_engine varchar(100) not null,
  f_connector_info longtext not null);
create table if not exists t_storage_table_meta (
  f_create_time bigint, f_update_time bigint,
  f_name varchar(100) not null, f_namespace varchar(100) not null, f_address longtext not null,
  f_engine varchar(100) not null, f_options longtext not null, f_partitions integer,
  f_delimiter varchar(255), f_have_head bool not null default 1,
  f_extend_sid bool not null default 0, f_data_meta longtext not null, f_count bigint,
  f_part_of_data longtext not null, f_source longtext not null, f_data_type varchar(20),
  f_disable bool not null default 0, f_description text not null default '',
  f_read_access_time bigint, f_write_access_time bigint, primary key (f_name, f_namespace));
create table if not exists t_session_record (
  f_create_time bigint, f_update_time bigint,
  f_engine_session_id varchar(150) not null, f_manager_session_id varchar(150) not null,
  f_engine_type varchar(10) not null, f_engine_name varchar(50) not null,
  f_engine_address longtext not null,
  primary key (f_engine_type, f_engine_name, f_engine_session_id));
create table if not exists t_app_info (
  f_create_time bigint, f_update_time bigint,
  f_app_name varchar(100) not null, f_app_id varchar(100) primary key,
  f_app_token varchar(100) not null, f_app_type varchar(20) not null);
create table if not exists t_partner_app_info (
  f_create_time bigint, f_update_time bigint,
  f_party_id varchar(100) primary key, f_app_id varchar(100) not null,
  f_app_token varchar(100) not null);
create table if not exists fate_casbin (
  id integer primary key autoincrement, ptype varchar(255), v0 varchar(255), v1 varchar(255),
  v2 varchar(255), v3 varchar(255), v4 varchar(255), v5 varchar(255));
create table if not exists permission_casbin (
  id integer primary key autoincrement, ptype varchar(255), v0 varchar(255), v1 varchar(255),
  v2 varchar(255), v3 varchar(255), v4 varchar(255), v5 varchar(255));
)";

constexpr char kMetricSchema[] = R"(
create table if not exists {0} (
  f_id integer primary key autoincrement, f_create_time bigint, f_update_time bigint,
  f_job_id varchar(25) not null, f_role varchar(10) not null, f_party_id varchar(50) not null,
  f_task_name varchar(50) not null, f_task_id varchar(100) not null, f_task_version bigint,
  f_name varchar(30) not null, f_type varchar(30), f_groups longtext not null,
  f_step_axis varchar(30), f_data longtext not null);
create index if not exists {0}_job on {0} (f_job_id, f_task_name);
)";

// A database made by upstream lacks the native column.
absl::Status AddMissingColumns(sql::Database& database) {
  ASSIGN_OR_RETURN(sql::Rows columns,
                   database.Query("select name from pragma_table_info('t_job')"));
  for (const sql::Row& column : columns) {
    if (column.Text("name") == "f_status_message") return absl::OkStatus();
  }
  return database.ExecuteScript("alter table t_job add column f_status_message text");
}

}  // namespace

absl::Status CreatePartyTables(sql::Database& database) {
  RETURN_IF_ERROR(database.ExecuteScript(kSchema));
  return AddMissingColumns(database);
}

absl::StatusOr<std::string> MetricTableName(const std::string& job_id) {
  std::string date = job_id.substr(0, 8);
  bool digits = std::all_of(date.begin(), date.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (date.size() != 8 || !digits) {
    return InvalidArgumentError("job id {} does not begin with a date", Escape(job_id));
  }
  return "t_tracking_metric_" + date;
}

absl::StatusOr<std::string> MetricTable(sql::Database& database, const std::string& job_id) {
  ASSIGN_OR_RETURN(std::string name, MetricTableName(job_id));
  RETURN_IF_ERROR(database.ExecuteScript(fmt::format(kMetricSchema, name)));
  return name;
}

}  // namespace fate::flow
