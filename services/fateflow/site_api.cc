// /site, /provider, /server, /app and /permission routes (spec/fate-flow.md 5.7, 5.8).

#include <algorithm>
#include <filesystem>

#include "base/status.h"
#include "daemon/daemon.h"
#include "fateflow/party.h"

namespace fate::flow {
namespace {

std::string UpperCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

Json Without(Json record, std::initializer_list<const char*> names) {
  for (const char* name : names) record.erase(name);
  return record;
}

absl::StatusOr<Answer> RegisterProvider(Party& party, const Call& call) {
  std::string name = Text(call.args, "name"), device = Text(call.args, "device"),
              version = Text(call.args, "version");
  const Json& metadata = Member(call.args, "metadata");
  if (device != "local" && device != "docker" && device != "k8s") {
    return FlowError(kDeviceNotSupported, {{"device", device}});
  }
  std::string path = Text(metadata, "path");
  if (device == "local" && !path.empty() && !std::filesystem::exists(path)) {
    return FlowError(kFileNotFound, {{"path", path}});
  }
  std::string provider = fmt::format("{}:{}@{}", name, version, device);
  ASSIGN_OR_RETURN(Json existing,
                   party.records().First("t_provider_info", {{"provider_name", provider}}));
  RETURN_IF_ERROR(party.records().Put(
      "t_provider_info", {{"provider_name", provider},
                          {"name", name},
                          {"version", version},
                          {"device", device},
                          {"metadata", metadata.is_object() ? JsonValue(metadata) : "{}"}}));
  Answer answer;
  answer.message = existing.is_null() ? "create success" : "update success";
  return answer;
}

Columns ProviderFilters(const Json& args) {
  Columns where;
  for (const char* name : {"name", "device", "version", "provider_name"}) {
    if (std::string value = Text(args, name); !value.empty()) where.emplace_back(name, value);
  }
  return where;
}

absl::StatusOr<Answer> QueryProviders(Party& party, const Call& call) {
  Columns where = ProviderFilters(call.args);
  std::vector<Json> providers;
  if (!where.empty()) {
    ASSIGN_OR_RETURN(providers, party.records().Select("t_provider_info", where, "order by rowid"));
  }
  return Answer::Data(providers);
}

absl::StatusOr<Answer> DeleteProvider(Party& party, const Call& call) {
  Columns where = ProviderFilters(call.args);
  int64_t removed = 0;
  if (!where.empty()) {
    ASSIGN_OR_RETURN(removed, party.records().Delete("t_provider_info", where));
  }
  return Answer::Data(removed > 0);
}

absl::StatusOr<Answer> FlowServers(Party& party, const Call&) {
  const Config& config = party.config;
  std::string id = fmt::format("flow-{}-{}", config.host, config.http_port);
  return Answer::Data({{id,
                        {{"instance_id", id},
                         {"timestamp", party.records().now_ms()},
                         {"version", daemon::Version()},
                         {"host", config.host},
                         {"grpc_port", config.grpc_port},
                         {"http_port", config.http_port}}}});
}

absl::StatusOr<Json> FindServer(Party& party, const std::string& name) {
  return party.records().First("t_server", {{"server_name", UpperCase(name)}});
}

absl::StatusOr<Answer> QueryServer(Party& party, const Call& call) {
  std::string name = Text(call.args, "server_name");
  ASSIGN_OR_RETURN(Json server, FindServer(party, name));
  if (server.is_null()) return FlowError(kServerNotFound, {{"server_name", name}});
  return Answer::Data(std::move(server));
}

absl::StatusOr<Answer> QueryAllServers(Party& party, const Call&) {
  ASSIGN_OR_RETURN(std::vector<Json> servers,
                   party.records().Select("t_server", {}, "order by id"));
  Json all = Json::object();
  for (const Json& server : servers) all[Text(server, "server_name")] = Without(server, {"id"});
  return Answer::Data(std::move(all));
}

absl::StatusOr<Answer> RegisterServer(Party& party, const Call& call) {
  std::string name = UpperCase(Text(call.args, "server_name"));
  RETURN_IF_ERROR(party.records().Delete("t_server", {{"server_name", name}}).status());
  RETURN_IF_ERROR(
      party.records().Insert("t_server", {{"server_name", name},
                                          {"host", Text(call.args, "host")},
                                          {"port", Integer(call.args, "port")},
                                          {"protocol", Text(call.args, "protocol", "http")}}));
  ASSIGN_OR_RETURN(Json server, FindServer(party, name));
  return Answer::Data(std::move(server));
}

Answer Removed(int64_t rows) {
  Answer answer;
  answer.message = rows > 0 ? "success" : "failed";
  return answer;
}

absl::StatusOr<Answer> DeleteServer(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(int64_t removed,
                   party.records().Delete(
                       "t_server", {{"server_name", UpperCase(Text(call.args, "server_name"))}}));
  return Removed(removed);
}

Columns ServiceKey(const Call& call) {
  return {{"server_name", UpperCase(Text(call.args, "server_name"))},
          {"service_name", Text(call.args, "service_name")}};
}

absl::StatusOr<Answer> QueryService(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json service, party.records().First("t_service", ServiceKey(call)));
  if (!service.is_null()) return Answer::Data(std::move(service));
  return FlowError(kServerNotFound, {{"server_name", Text(call.args, "server_name")},
                                     {"service_name", Text(call.args, "service_name")}});
}

absl::StatusOr<Answer> RegisterService(Party& party, const Call& call) {
  std::string name = Text(call.args, "server_name");
  ASSIGN_OR_RETURN(Json server, FindServer(party, name));
  if (server.is_null()) return FlowException("no found server " + UpperCase(name));
  std::string uri = Text(call.args, "uri");
  Columns values = ServiceKey(call);
  values.insert(values.end(),
                {{"url", fmt::format("{}://{}:{}{}{}", Text(call.args, "protocol", "http"),
                                     Text(server, "host"), Integer(server, "port"),
                                     uri.starts_with("/") ? "" : "/", uri)},
                 {"method", Text(call.args, "method", "POST")},
                 {"params", JsonValue(Member(call.args, "params"))},
                 {"data", JsonValue(Member(call.args, "data"))},
                 {"headers", JsonValue(Member(call.args, "headers"))}});
  RETURN_IF_ERROR(party.records().Put("t_service", values));
  return Success();
}

absl::StatusOr<Answer> DeleteService(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(int64_t removed, party.records().Delete("t_service", ServiceKey(call)));
  return Removed(removed);
}

// Authentication is off: what would manage it is refused by the name of upstream's function.
void AddRestricted(Router& router) {
  const std::pair<const char*, const char*> posts[] = {
      {"/app/client/create", "create_app"},
      {"/app/client/delete", "delete_app"},
      {"/app/site/create", "create_app"},
      {"/app/site/delete", "delete_app"},
      {"/app/partner/create", "create_partner_app"},
      {"/app/partner/delete", "delete_partner_app"},
      {"/permission/grant", "grant"},
      {"/permission/delete", "delete"}};
  const std::pair<const char*, const char*> gets[] = {{"/app/client/query", "query_app"},
                                                      {"/app/site/query", "query_app"},
                                                      {"/app/partner/query", "query_partner_app"},
                                                      {"/permission/query", "query"}};
  auto refuse = [](const char* function) {
    return [function](const Call&) -> absl::StatusOr<Answer> {
      return FlowErrorText(kRestricted, fmt::format("func {}, function restricted", function));
    };
  };
  for (const auto& [path, function] : posts) router.Post(path, {}, refuse(function));
  for (const auto& [path, function] : gets) router.Get(path, {}, refuse(function));
  router.Get("/permission/role/query", {}, [](const Call&) -> absl::StatusOr<Answer> {
    return Answer::Data(Json::array({"super_client", "client", "site"}));
  });
}

}  // namespace

void AddSiteRoutes(Router& router, Party& party) {
  const Field server = Required("server_name"), service = Required("service_name");
  const Fields provider = {Optional("name"), Optional("device"), Optional("version"),
                           Optional("provider_name")};
  auto bind = [&party](auto handler) {
    return [&party, handler](const Call& call) { return handler(party, call); };
  };
  router.Get("/site/info/query", {}, [&party](const Call&) -> absl::StatusOr<Answer> {
    return Answer::Data({{"party_id", party.config.party_id}});
  });
  router.Post("/provider/register",
              {Required("name"), Required("device"), Required("version"),
               Optional("metadata", FieldType::kObject),
               Optional("components_description", FieldType::kObject), Optional("protocol")},
              bind(RegisterProvider));
  router.Get("/provider/query", provider, bind(QueryProviders));
  router.Post("/provider/delete", provider, bind(DeleteProvider));
  router.Get("/server/fateflow", {}, bind(FlowServers));
  router.Get("/server/query/all", {}, bind(QueryAllServers));
  router.Get("/server/query", {server}, bind(QueryServer));
  router.Post(
      "/server/registry",
      {server, Required("host"), Required("port", FieldType::kInteger), Optional("protocol")},
      bind(RegisterServer));
  router.Post("/server/delete", {server}, bind(DeleteServer));
  router.Get("/server/service/query", {server, service}, bind(QueryService));
  router.Post("/server/service/registry",
              {server, service, Required("uri"), Optional("method"),
               Optional("params", FieldType::kObject), Optional("data", FieldType::kObject),
               Optional("headers", FieldType::kObject), Optional("protocol")},
              bind(RegisterService));
  router.Post("/server/service/delete", {server, service}, bind(DeleteService));
  AddRestricted(router);
}

}  // namespace fate::flow
