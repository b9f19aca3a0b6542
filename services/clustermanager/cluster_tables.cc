#include "clustermanager/cluster_tables.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/status.h"
#include "base/text.h"
#include "clustermanager/schema.h"

namespace fate::clustermanager {
namespace {

namespace meta = com::webank::eggroll::core::meta;
using session::Endpoint;
using session::Node;
using session::Processor;
using session::Session;
using sql::Database;
using sql::Value;

template <class Status>
Value StatusOrNull(const std::optional<Status>& status) {
  return status ? Value(session::ToText(*status)) : Value(sql::Null{});
}

std::string EndpointText(const Endpoint& endpoint) {
  return endpoint.host.empty() ? "" : endpoint.ToString();
}

Endpoint ParseEndpoint(const std::string& text) {
  size_t colon = text.rfind(':');
  if (colon == std::string::npos) return {};
  return {text.substr(0, colon),
          ParseInt<int>(std::string_view(text).substr(colon + 1)).value_or(0)};
}

Processor ToProcessor(const sql::Row& row) {
  Processor p;
  p.id = row.Int("processor_id");
  p.node_id = row.Int("server_node_id");
  p.type = row.Text("processor_type");
  p.status =
      session::ParseProcessorStatus(row.Text("status")).value_or(session::ProcessorStatus::kError);
  p.before_status = session::ParseProcessorStatus(row.Text("before_status"));
  p.command = ParseEndpoint(row.Text("command_endpoint"));
  p.transfer = ParseEndpoint(row.Text("transfer_endpoint"));
  p.pid = static_cast<int>(row.Int("pid"));
  p.tag = row.Text("tag");
  p.updated_at = FromDateTime(row.Text("updated_at"));
  return p;
}

absl::StatusOr<Session> ToSession(Database& database, const sql::Row& row) {
  Session s;
  s.id = row.Text("session_id");
  s.name = row.Text("name");
  s.tag = row.Text("tag");
  // A status this version does not know (a queued DeepSpeed job) is over for it.
  s.status =
      session::ParseSessionStatus(row.Text("status")).value_or(session::SessionStatus::kError);
  s.status_reason = row.Text("status_reason");
  s.before_status = session::ParseSessionStatus(row.Text("before_status"));
  s.active_count = static_cast<int>(row.Int("active_proc_count"));
  s.created_at = FromDateTime(row.Text("created_at"));
  s.updated_at = FromDateTime(row.Text("updated_at"));
  ASSIGN_OR_RETURN(
      auto options,
      database.Query("select name, data from session_option where session_id = ?", {s.id}));
  for (const auto& option : options) s.options[option.Text("name")] = option.Text("data");
  ASSIGN_OR_RETURN(
      auto processors,
      database.Query("select * from session_processor where session_id = ? order by processor_id",
                     {s.id}));
  for (const auto& processor : processors) s.processors.push_back(ToProcessor(processor));
  return s;
}

absl::StatusOr<std::vector<Session>> ToSessions(Database& database, const sql::Rows& rows) {
  std::vector<Session> sessions;
  for (const auto& row : rows) {
    ASSIGN_OR_RETURN(Session session, ToSession(database, row));
    sessions.push_back(std::move(session));
  }
  return sessions;
}

absl::Status SaveResources(Database& database, const Node& node, const std::string& now) {
  ASSIGN_OR_RETURN(
      auto rows, database.Query("select resource_type from node_resource where server_node_id = ?",
                                {node.id}));
  for (const auto& row : rows) {
    std::string type = row.Text("resource_type");
    bool reported = std::any_of(node.resources.begin(), node.resources.end(),
                                [&](const session::Resource& r) { return r.type == type; });
    if (reported) continue;
    RETURN_IF_ERROR(database
                        .Execute("delete from node_resource where server_node_id = ? and "
                                 "resource_type = ?",
                                 {node.id, type})
                        .status());
  }
  for (const session::Resource& r : node.resources) {
    ASSIGN_OR_RETURN(
        int64_t updated,
        database.Execute(
            "update node_resource set total = ?, used = ?, updated_at = ? where server_node_id = ? "
            "and resource_type = ?",
            {r.total, r.used, now, node.id, r.type}));
    if (updated > 0) continue;
    RETURN_IF_ERROR(
        database
            .Execute(
                "insert into node_resource(server_node_id, resource_type, total, used, status) "
                "values(?, ?, ?, ?, 'available')",
                {node.id, r.type, r.total, r.used})
            .status());
  }
  return absl::OkStatus();
}

absl::Status InsertOption(Database& database, const std::string& session_id,
                          const std::string& name, const std::string& value) {
  return database
      .Execute("insert into session_option(session_id, name, data) values(?, ?, ?)",
               {session_id, name, value})
      .status();
}

absl::Status InsertProcessor(Database& database, const Session& s, const Processor& p,
                             const std::string& options) {
  std::string at = ToDateTime(p.updated_at);
  return database
      .Execute(
          "insert into session_processor(processor_id, session_id, server_node_id, processor_type, "
          "status, tag, command_endpoint, transfer_endpoint, processor_option, pid, created_at, "
          "updated_at) values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          {p.id, s.id, p.node_id, p.type, session::ToText(p.status), p.tag, EndpointText(p.command),
           EndpointText(p.transfer), options, p.pid, at, at})
      .status();
}

absl::Status InsertSession(Database& database, const Session& s) {
  std::string at = ToDateTime(s.created_at);
  RETURN_IF_ERROR(
      database
          .Execute("insert into session_main(session_id, name, status, tag, total_proc_count, "
                   "active_proc_count, created_at, updated_at) values(?, ?, ?, ?, ?, ?, ?, ?)",
                   {s.id, s.name, session::ToText(s.status), s.tag,
                    static_cast<int64_t>(s.processors.size()), s.active_count, at, at})
          .status());
  for (const auto& [name, value] : s.options) {
    RETURN_IF_ERROR(InsertOption(database, s.id, name, value));
  }
  using nlohmann::json;
  std::string options = json(s.options).dump(-1, ' ', false, json::error_handler_t::replace);
  for (const Processor& p : s.processors) {
    RETURN_IF_ERROR(InsertProcessor(database, s, p, options));
  }
  return absl::OkStatus();
}

absl::Status UpdateProcessor(Database& database, const Processor& p) {
  return database
      .Execute(
          "update session_processor set status = ?, before_status = ?, command_endpoint = ?, "
          "transfer_endpoint = ?, pid = ?, updated_at = ? where processor_id = ?",
          {session::ToText(p.status), StatusOrNull(p.before_status), EndpointText(p.command),
           EndpointText(p.transfer), p.pid, ToDateTime(p.updated_at), p.id})
      .status();
}

absl::Status SaveDetail(Database& database, const Session& s) {
  auto detail = s.options.find(session::kSessionDetailOption);
  if (detail == s.options.end()) return absl::OkStatus();
  RETURN_IF_ERROR(database
                      .Execute("delete from session_option where session_id = ? and name = ?",
                               {s.id, detail->first})
                      .status());
  return InsertOption(database, s.id, detail->first, detail->second);
}

}  // namespace

absl::StatusOr<int64_t> ReplaceManagerRow(Database& database, const std::string& host, int port,
                                          absl::Time now) {
  int64_t id = 0;
  RETURN_IF_ERROR(database.Transaction([&](Database& db) -> absl::Status {
    RETURN_IF_ERROR(db.Execute("delete from server_node where host = ? and port = ? and "
                               "node_type = 'CLUSTER_MANAGER'",
                               {host, port})
                        .status());
    RETURN_IF_ERROR(
        db.Execute("insert into server_node(host, port, node_type, status, last_heartbeat_at) "
                   "values(?, ?, 'CLUSTER_MANAGER', 'HEALTHY', ?)",
                   {host, port, ToDateTime(now)})
            .status());
    id = db.LastInsertId();
    return absl::OkStatus();
  }));
  return id;
}

absl::StatusOr<session::Cluster::NextIds> ReadNextIds(Database& database, int64_t manager_id) {
  session::Cluster::NextIds ids{.manager = manager_id};
  ASSIGN_OR_RETURN(auto rows, database.Query("select name, seq from sqlite_sequence"));
  for (const auto& row : rows) {
    if (row.Text("name") == "server_node") ids.node = row.Int("seq") + 1;
    if (row.Text("name") == "session_processor") ids.processor = row.Int("seq") + 1;
  }
  return ids;
}

absl::StatusOr<std::vector<Node>> LoadNodes(Database& database) {
  ASSIGN_OR_RETURN(
      auto rows,
      database.Query(
          "select * from server_node where node_type = 'NODE_MANAGER' order by server_node_id"));
  std::vector<Node> nodes;
  for (const auto& row : rows) {
    Node node{
        .id = row.Int("server_node_id"),
        .name = row.Text("name"),
        .cluster_id = row.Int("server_cluster_id"),
        .endpoint = {row.Text("host"), static_cast<int>(row.Int("port"))},
        .status =
            session::ParseNodeStatus(row.Text("status")).value_or(session::NodeStatus::kLoss)};
    ASSIGN_OR_RETURN(
        auto resources,
        database.Query("select * from node_resource where server_node_id = ? order by resource_id",
                       {node.id}));
    for (const auto& r : resources) {
      node.resources.push_back({.type = r.Text("resource_type"),
                                .total = r.Int("total"),
                                .used = r.Int("used"),
                                .allocated = r.Int("allocated"),
                                .pre_allocated = r.Int("pre_allocated")});
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

absl::StatusOr<std::vector<Session>> LoadLiveSessions(Database& database) {
  ASSIGN_OR_RETURN(
      auto rows,
      database.Query(
          "select * from session_main where status in ('NEW', 'ACTIVE') order by session_id"));
  return ToSessions(database, rows);
}

absl::StatusOr<std::optional<Session>> LoadSession(Database& database, const std::string& id) {
  ASSIGN_OR_RETURN(auto rows,
                   database.Query("select * from session_main where session_id = ?", {id}));
  if (rows.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(Session session, ToSession(database, rows[0]));
  return std::optional<Session>(std::move(session));
}

absl::StatusOr<std::string> SessionOfProcessor(Database& database, int64_t processor_id) {
  ASSIGN_OR_RETURN(auto rows,
                   database.Query("select session_id from session_processor where processor_id = ?",
                                  {processor_id}));
  return rows.empty() ? std::string() : rows[0].Text("session_id");
}

absl::Status Save(Database& database, const session::SaveNode& save, absl::Time now) {
  const Node& node = save.node;
  std::string at = ToDateTime(now), heard = ToDateTime(node.last_heartbeat);
  RETURN_IF_ERROR(
      database
          .Execute(
              "insert into server_node(server_node_id, name, server_cluster_id, host, port, "
              "node_type, "
              "status, last_heartbeat_at) values(?, ?, ?, ?, ?, 'NODE_MANAGER', ?, ?) "
              "on conflict(server_node_id) do update set name = ?, host = ?, port = ?, status = ?, "
              "last_heartbeat_at = ?, updated_at = ?",
              {node.id, node.name, node.cluster_id, node.endpoint.host, node.endpoint.port,
               session::ToText(node.status), heard, node.name, node.endpoint.host,
               node.endpoint.port, session::ToText(node.status), heard, at})
          .status());
  return save.with_resources ? SaveResources(database, node, at) : absl::OkStatus();
}

absl::Status Save(Database& database, const session::SaveSession& save) {
  const Session& s = save.session;
  if (save.created) return InsertSession(database, s);
  RETURN_IF_ERROR(
      database
          .Execute("update session_main set status = ?, status_reason = ?, before_status = ?, "
                   "active_proc_count = ?, updated_at = ? where session_id = ?",
                   {session::ToText(s.status),
                    s.status_reason.empty() ? Value() : Value(s.status_reason),
                    StatusOrNull(s.before_status), s.active_count, ToDateTime(s.updated_at), s.id})
          .status());
  for (const Processor& p : s.processors) {
    bool changed =
        std::find(save.processors.begin(), save.processors.end(), p.id) != save.processors.end();
    if (changed) RETURN_IF_ERROR(UpdateProcessor(database, p));
  }
  return session::IsFinal(s.status) ? SaveDetail(database, s) : absl::OkStatus();
}

absl::StatusOr<std::optional<meta::ServerNode>> FindServerNode(Database& database,
                                                               const meta::ServerNode& example) {
  std::string sql = "select * from server_node where server_cluster_id >= 0";
  std::vector<Value> values;
  auto add = [&](const char* condition, Value value) {
    sql += std::string(" and ") + condition + " = ?";
    values.push_back(std::move(value));
  };
  if (example.id() > 0) add("server_node_id", example.id());
  if (!example.name().empty()) add("name", example.name());
  if (example.clusterid() >= 0) add("server_cluster_id", example.clusterid());
  if (!example.endpoint().host().empty()) add("host", example.endpoint().host());
  if (example.endpoint().port() > 0) add("port", example.endpoint().port());
  if (!example.nodetype().empty()) add("node_type", example.nodetype());
  if (!example.status().empty()) add("status", example.status());
  ASSIGN_OR_RETURN(auto rows, database.Query(sql + " order by server_node_id limit 1", values));
  if (rows.empty()) return std::nullopt;
  meta::ServerNode node;
  node.set_id(rows[0].Int("server_node_id"));
  node.set_name(rows[0].Text("name"));
  node.set_clusterid(rows[0].Int("server_cluster_id"));
  node.mutable_endpoint()->set_host(rows[0].Text("host"));
  node.mutable_endpoint()->set_port(static_cast<int>(rows[0].Int("port")));
  node.set_nodetype(rows[0].Text("node_type"));
  node.set_status(rows[0].Text("status"));
  return std::optional<meta::ServerNode>(std::move(node));
}

}  // namespace fate::clustermanager
