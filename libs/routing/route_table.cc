#include "routing/route_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_depth.h"
#include "base/limits.h"
#include "base/names.h"
#include "base/status.h"
#include "base/text.h"
#include "routing/http_url.h"

namespace fate::routing {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kDefault = "default";

// A value as it stands in the file, for messages; lists and objects by their kind only.
std::string Show(const Json& json) {
  if (json.is_structured()) return json.is_array() ? "a list" : "an object";
  std::string text = json.dump(-1, ' ', /*ensure_ascii=*/true);
  return text.size() <= 80 ? text : text.substr(0, 80) + "...";
}

}  // namespace

// Walks the document; every error starts with "<file>: <JSON path>".
class RouteTableParser {
 public:
  RouteTableParser(std::string_view file_name, RouteTable* table)
      : file_(file_name), table_(table) {}

  absl::Status Parse(std::string_view text, std::string_view own_party);

 private:
  template <class... Args>
  absl::Status Wrong(const std::string& path, fmt::format_string<Args...> format, Args&&... args) {
    return InvalidArgumentError("{}: {} {}", file_, path,
                                fmt::format(format, std::forward<Args>(args)...));
  }
  absl::Status ParseParties(const Json& document);
  absl::Status ParseRoles(const std::string& path, const Json& roles, RouteTable::Roles* out);
  absl::Status ParseEndpoint(const std::string& path, const Json& json, Endpoint* out);
  absl::Status ParseUrl(const std::string& path, Endpoint* out);
  absl::Status ParsePort(const std::string& path, const Json& json, int* out);
  absl::Status ParseTls(const std::string& path, const Json& json, Endpoint* out);
  absl::Status ParseKeystores(const std::string& path, const Json& json, Endpoint* out);
  absl::Status ParseText(const std::string& path, const Json& json, const char* key,
                         std::string* out);
  absl::Status ParseFlag(const std::string& path, const Json& json, const char* key, bool* out);
  absl::Status ParseSelf(const Json& document, std::string_view own_party);
  absl::Status ParsePermission(const Json& document);
  absl::Status ParseRules(const Json& permission, const char* list,
                          std::vector<RouteTable::Rule>* out);
  absl::Status ParseWho(const std::string& rule_path, const Json& rule, const char* side,
                        RouteTable::Who* out);

  std::string file_;
  RouteTable* table_;
};

absl::Status RouteTableParser::Parse(std::string_view text, std::string_view own_party) {
  if (text.size() > kMaxRouteTableBytes) {
    return InvalidArgumentError("{}: has {} bytes; a route table may have {}", file_, text.size(),
                                kMaxRouteTableBytes);
  }
  if (JsonDepth(text) > kMaxJsonDepth) {
    return InvalidArgumentError("{}: is nested deeper than {} levels; a route table needs six",
                                file_, kMaxJsonDepth);
  }
  Json document;
  try {
    document = Json::parse(text);
  } catch (const Json::exception& error) {
    return InvalidArgumentError("{}: is not valid JSON ({}); correct the text there", file_,
                                Escape(error.what()));
  }
  if (!document.is_object()) return Wrong("the document", "must be an object {{...}}");
  RETURN_IF_ERROR(ParseParties(document));
  RETURN_IF_ERROR(ParseSelf(document, own_party));
  return ParsePermission(document);
}

absl::Status RouteTableParser::ParseParties(const Json& document) {
  auto it = document.find("route_table");
  if (it == document.end()) {
    if (document.empty()) return absl::OkStatus();
    return Wrong("route_table",
                 "is missing; add \"route_table\": {{\"<party>\": {{\"default\": "
                 "[{{\"ip\": ..., \"port\": 9370}}]}}}}");
  }
  if (!it->is_object()) return Wrong("route_table", "must be an object of parties");
  for (const auto& [party, roles] : it->items()) {
    std::string path = "route_table." + Escape(party);
    if (auto id = PartyId::Parse(party); !id.ok()) return Wrong(path, ": {}", Message(id.status()));
    RETURN_IF_ERROR(ParseRoles(path, roles, &table_->parties_[party]));
  }
  return absl::OkStatus();
}

absl::Status RouteTableParser::ParseRoles(const std::string& path, const Json& roles,
                                          RouteTable::Roles* out) {
  if (!roles.is_object()) return Wrong(path, "must be an object of roles, such as \"default\"");
  for (const auto& [role, endpoints] : roles.items()) {
    if (role == "createTime" || role == "updateTime") continue;
    std::string role_path = path + "." + Escape(role);
    if (!endpoints.is_array()) {
      return Wrong(role_path, "must be a list of endpoints [{{\"ip\": ..., \"port\": ...}}]");
    }
    auto& list = (*out)[role];
    for (size_t i = 0; i < endpoints.size(); ++i) {
      Endpoint endpoint;
      RETURN_IF_ERROR(ParseEndpoint(fmt::format("{}[{}]", role_path, i), endpoints[i], &endpoint));
      list.push_back(std::move(endpoint));
    }
  }
  return absl::OkStatus();
}

absl::Status RouteTableParser::ParseEndpoint(const std::string& path, const Json& json,
                                             Endpoint* out) {
  if (!json.is_object()) return Wrong(path, "must be an object with \"ip\" and \"port\"");
  std::string protocol;
  RETURN_IF_ERROR(ParseText(path, json, "protocol", &protocol));
  RETURN_IF_ERROR(ParseText(path, json, "ip", &out->host));
  RETURN_IF_ERROR(ParseText(path, json, "url", &out->url));
  RETURN_IF_ERROR(ParseFlag(path, json, "is_polling", &out->is_polling));
  RETURN_IF_ERROR(ParseFlag(path, json, "cycle", &out->cycle));
  RETURN_IF_ERROR(ParseTls(path, json, out));
  if (protocol == "http") {
    out->protocol = Protocol::kHttp;
    if (out->url.empty()) return Wrong(path, "has protocol http but no \"url\"; add one");
    return ParseUrl(path, out);
  }
  if (out->is_polling) return absl::OkStatus();
  if (out->host.empty()) return Wrong(path, "has no \"ip\"; write the address of the gateway");
  return ParsePort(path, json, &out->port);
}

absl::Status RouteTableParser::ParseUrl(const std::string& path, Endpoint* out) {
  auto url = HttpUrl::Parse(out->url);
  if (!url.ok()) return Wrong(path + ".url", "{}", Message(url.status()));
  if (out->tls && !url->secure) {
    return Wrong(path + ".url", "is in clear text, but the route asks for TLS; write https://");
  }
  out->tls = url->secure;
  out->host = url->host;
  out->port = url->port;
  out->url_path = url->path;
  return absl::OkStatus();
}

// A number, or a decimal text as KubeFATE writes it (spec/deployment.md 10.2).
absl::Status RouteTableParser::ParsePort(const std::string& path, const Json& json, int* out) {
  auto it = json.find("port");
  if (it == json.end()) return Wrong(path, "has no \"port\"; write one, usually 9370");
  std::optional<int64_t> port;
  if (it->is_number_integer()) port = it->get<int64_t>();
  if (it->is_string()) port = ParseInt<int64_t>(Trim(it->get_ref<const std::string&>()));
  if (!port || *port < 1 || *port > 65535) {
    return Wrong(path + ".port", "is {}; write a port from 1 to 65535", Show(*it));
  }
  *out = static_cast<int>(*port);
  return absl::OkStatus();
}

// A half-set entry would silently talk in clear text or fail at the first call (spec 12).
absl::Status RouteTableParser::ParseTls(const std::string& path, const Json& json, Endpoint* out) {
  bool use_ssl = false;
  RETURN_IF_ERROR(ParseFlag(path, json, "useSSL", &use_ssl));
  RETURN_IF_ERROR(ParseFlag(path, json, "is_secure", &out->is_secure));
  RETURN_IF_ERROR(ParseText(path, json, "caFile", &out->ca_file));
  RETURN_IF_ERROR(ParseText(path, json, "certChainFile", &out->certificate_file));
  RETURN_IF_ERROR(ParseText(path, json, "privateKeyFile", &out->private_key_file));
  RETURN_IF_ERROR(ParseText(path, json, "tlsServerName", &out->tls_server_name));
  RETURN_IF_ERROR(ParseKeystores(path, json, out));
  out->tls = use_ssl || out->is_secure;
  int files =
      !out->ca_file.empty() + !out->certificate_file.empty() + !out->private_key_file.empty();
  if (use_ssl && out->keystore_file.empty() && files != 0 && files != 3) {
    return Wrong(path,
                 "sets {} of caFile, certChainFile and privateKeyFile; useSSL needs all "
                 "three, or none for the system's authorities",
                 files);
  }
  if (out->certificate_file.empty() != out->private_key_file.empty()) {
    return Wrong(path, "sets only one of certChainFile and privateKeyFile; set both or none");
  }
  if (!out->tls && out->names_tls_files()) {
    table_->warnings_.push_back(fmt::format(
        "{}: {} names certificate files but not \"useSSL\": true; it is used without TLS", file_,
        path));
  }
  return absl::OkStatus();
}

// Keystores count with useKeyStore only; then they take the place of the PEM files.
absl::Status RouteTableParser::ParseKeystores(const std::string& path, const Json& json,
                                              Endpoint* out) {
  bool use_keystore = false;
  RETURN_IF_ERROR(ParseFlag(path, json, "useKeyStore", &use_keystore));
  if (!use_keystore) return absl::OkStatus();
  RETURN_IF_ERROR(ParseText(path, json, "keyStoreFile", &out->keystore_file));
  RETURN_IF_ERROR(ParseText(path, json, "keyStorePassword", &out->keystore_password));
  RETURN_IF_ERROR(ParseText(path, json, "trustStoreFile", &out->truststore_file));
  RETURN_IF_ERROR(ParseText(path, json, "trustStorePassword", &out->truststore_password));
  if (out->keystore_file.empty() || out->truststore_file.empty()) {
    return Wrong(path, "has useKeyStore but not both keyStoreFile and trustStoreFile; name them");
  }
  out->ca_file = out->certificate_file = out->private_key_file = "";
  return absl::OkStatus();
}

absl::Status RouteTableParser::ParseText(const std::string& path, const Json& json, const char* key,
                                         std::string* out) {
  auto it = json.find(key);
  if (it == json.end() || it->is_null()) return absl::OkStatus();
  if (!it->is_string()) {
    return Wrong(path + "." + key, "is {}; write a text in quotes", Show(*it));
  }
  *out = it->get<std::string>();
  bool printable =
      std::all_of(out->begin(), out->end(), [](unsigned char c) { return c > 0x20 && c != 0x7f; });
  if (!printable) return Wrong(path + "." + key, "has blanks or control characters; remove them");
  return absl::OkStatus();
}

// true, "true", 1 or "1" (rollsite 2.x accepts them all for is_polling).
absl::Status RouteTableParser::ParseFlag(const std::string& path, const Json& json, const char* key,
                                         bool* out) {
  auto it = json.find(key);
  if (it == json.end() || it->is_null()) return absl::OkStatus();
  std::string text = it->is_string() ? ToLower(it->get_ref<const std::string&>()) : Show(*it);
  if (text == "true" || text == "1") {
    *out = true;
  } else if (text == "false" || text == "0" || text.empty()) {
    *out = false;
  } else {
    return Wrong(path + "." + key, "is {}; write true or false", Show(*it));
  }
  return absl::OkStatus();
}

absl::Status RouteTableParser::ParseSelf(const Json& document, std::string_view own_party) {
  auto it = document.find("self_party");
  if (it == document.end()) {
    if (!own_party.empty()) table_->self_.emplace_back(own_party);
    return absl::OkStatus();
  }
  if (!it->is_array()) return Wrong("self_party", "must be a list, such as [\"9999\"]");
  for (size_t i = 0; i < it->size(); ++i) {
    const Json& element = (*it)[i];
    std::string text = element.is_string() ? element.get<std::string>() : Show(element);
    if (auto id = PartyId::Parse(text); !id.ok()) {
      return Wrong(fmt::format("self_party[{}]", i), ": {}", Message(id.status()));
    }
    table_->self_.push_back(std::move(text));
  }
  return absl::OkStatus();
}

// default_allow means two things: in rollsite 2.x whether the party "default" may be used, in FATE
// Proxy 1.x, which has rules, what happens to a call that none of them matches.
absl::Status RouteTableParser::ParsePermission(const Json& document) {
  auto it = document.find("permission");
  if (it == document.end() || it->is_null()) return absl::OkStatus();
  if (!it->is_object()) return Wrong("permission", "must be an object");
  RETURN_IF_ERROR(ParseRules(*it, "allow", &table_->allow_));
  RETURN_IF_ERROR(ParseRules(*it, "deny", &table_->deny_));
  const bool has_rules = !table_->allow_.empty() || !table_->deny_.empty();
  bool* const allow = has_rules ? &table_->unruled_calls_pass_ : &table_->default_allow_;
  if (has_rules) *allow = false;
  return ParseFlag("permission", *it, "default_allow", allow);
}

absl::Status RouteTableParser::ParseRules(const Json& permission, const char* list,
                                          std::vector<RouteTable::Rule>* out) {
  auto rules = permission.find(list);
  if (rules == permission.end() || rules->is_null()) return absl::OkStatus();
  std::string path = fmt::format("permission.{}", list);
  if (!rules->is_array()) {
    return Wrong(path, "must be a list of {{\"from\": {{...}}, \"to\": {{...}}}}");
  }
  for (size_t i = 0; i < rules->size(); ++i) {
    RouteTable::Rule rule{.path = fmt::format("{}[{}]", path, i)};
    RETURN_IF_ERROR(ParseWho(rule.path, (*rules)[i], "from", &rule.from));
    RETURN_IF_ERROR(ParseWho(rule.path, (*rules)[i], "to", &rule.to));
    out->push_back(std::move(rule));
  }
  return absl::OkStatus();
}

// A rule that says nothing about one side would match more than was meant.
absl::Status RouteTableParser::ParseWho(const std::string& rule_path, const Json& rule,
                                        const char* side, RouteTable::Who* out) {
  std::string path = fmt::format("{}.{}", rule_path, side);
  if (!rule.is_object() || !rule.contains(side) || !rule[side].is_object()) {
    return Wrong(path, "is missing; write {{\"coordinator\": \"<party>\", \"role\": \"*\"}}");
  }
  const Json& who = rule[side];
  if (!who.contains("coordinator")) {
    return Wrong(path + ".coordinator", "is missing; write a party id, or \"*\" for all");
  }
  const Json& party = who["coordinator"];
  out->party = party.is_string() ? party.get<std::string>() : Show(party);
  if (out->party != "*" && !PartyId::Parse(out->party).ok()) {
    return Wrong(path + ".coordinator", "is {}; write a party id, or \"*\" for all", Show(party));
  }
  return ParseText(path, who, "role", &out->role);
}

std::string Endpoint::ToString() const {
  if (protocol == Protocol::kHttp) return url;
  if (is_polling && host.empty()) return "polling";
  return fmt::format("{}:{}", host, port);
}

absl::StatusOr<RouteTable> RouteTable::Parse(std::string_view json, std::string_view file_name,
                                             std::string_view own_party) {
  RouteTable table;
  table.file_name_ = file_name;
  RETURN_IF_ERROR(RouteTableParser(file_name, &table).Parse(json, own_party));
  return table;
}

RouteTable RouteTable::Empty(std::string_view file_name, std::string_view own_party) {
  RouteTable table;
  table.file_name_ = file_name;
  if (!own_party.empty()) table.self_.emplace_back(own_party);
  return table;
}

bool RouteTable::IsSelf(std::string_view party) const {
  return std::find(self_.begin(), self_.end(), party) != self_.end();
}

std::string RouteTable::SelfName(std::string_view target) const {
  if (IsSelf(target)) return std::string(target);
  return self_.empty() ? "" : self_.front();
}

// The list of endpoints that serves a call, or why there is none; the steps that led there.
struct RouteTable::Match {
  const std::vector<Endpoint>* endpoints = nullptr;
  std::string rule;     // "route_table.9999.fateflow"
  std::string missing;  // why nothing was found, with the remedy
};

RouteTable::Match RouteTable::FindEntry(std::string_view party, std::string_view role,
                                        std::vector<std::string>* steps) const {
  Match match;
  auto entry = parties_.find(party);
  if (entry == parties_.end()) {
    entry = parties_.find(kDefault);
    if (entry == parties_.end()) {
      match.missing = fmt::format("it has neither \"{}\" nor \"default\"", Escape(party));
      return match;
    }
    if (!default_allow_) {
      match.missing =
          fmt::format("it has no \"{}\" and permission.default_allow is false", Escape(party));
      return match;
    }
    if (steps) {
      steps->push_back(fmt::format("no entry for party {}: \"default\" is used", Escape(party)));
    }
  } else if (steps) {
    steps->push_back(fmt::format("party {} has an entry", Escape(party)));
  }
  const auto& [name, roles] = *entry;
  auto list = role.empty() ? roles.end() : roles.find(role);
  if (list == roles.end()) {
    list = roles.find(kDefault);
    if (steps) {
      steps->push_back(fmt::format("no role {} there: \"default\" is used", Escape(role)));
    }
  } else if (steps) {
    steps->push_back(fmt::format("role {} is listed there", Escape(role)));
  }
  if (list == roles.end() || list->second.empty()) {
    match.missing = fmt::format(
        "its entry \"{}\" has {}", name,
        list == roles.end() ? fmt::format("neither role \"{}\" nor \"default\"", Escape(role))
                            : fmt::format("no endpoint for role \"{}\"", list->first));
    return match;
  }
  match.endpoints = &list->second;
  match.rule = fmt::format("route_table.{}.{}", name, list->first);
  return match;
}

absl::StatusOr<Route> RouteTable::Find(std::string_view party, std::string_view role,
                                       uint64_t turn) const {
  Match match = FindEntry(party, role, nullptr);
  if (!match.endpoints) {
    return NotFoundError("no route to party {} role {} in {}: {}; add it", Escape(party),
                         role.empty() ? "default" : Escape(role), file_name_, match.missing);
  }
  size_t index = turn % match.endpoints->size();
  return Route{(*match.endpoints)[index], fmt::format("{}[{}]", match.rule, index),
               match.endpoints->size()};
}

bool RouteTable::Who::Matches(std::string_view of_party, std::string_view of_role) const {
  return (party == "*" || party == of_party) && (role == "*" || role == of_role);
}

bool RouteTable::Rule::Matches(const Call& call) const {
  return from.Matches(call.from_party, call.from_role) && to.Matches(call.to_party, call.to_role);
}

absl::Status RouteTable::Permits(const Call& call) const {
  auto refusal = [&](const std::string& rule) {
    return PermissionDeniedError(
        "no permission from party {} role {} to party {} role {}: {} of {}; change the rule there",
        call.from_party.empty() ? "(not named)" : Escape(call.from_party),
        call.from_role.empty() ? "(not named)" : Escape(call.from_role), Escape(call.to_party),
        Escape(call.to_role), rule, file_name_);
  };
  for (const Rule& rule : deny_) {
    if (rule.Matches(call)) return refusal(rule.path);
  }
  for (const Rule& rule : allow_) {
    if (rule.Matches(call)) return absl::OkStatus();
  }
  if (unruled_calls_pass_) return absl::OkStatus();
  return refusal("no rule matches and permission.default_allow is false or missing");
}

std::vector<Route> RouteTable::TlsRoutes() const {
  std::vector<Route> routes;
  for (const auto& [party, roles] : parties_) {
    for (const auto& [role, endpoints] : roles) {
      for (size_t i = 0; i < endpoints.size(); ++i) {
        const Endpoint& endpoint = endpoints[i];
        if (!endpoint.tls) continue;
        if (IsSelf(party) && endpoint.is_secure && !endpoint.names_tls_files()) continue;
        routes.push_back({endpoint, fmt::format("route_table.{}.{}[{}]", party, role, i)});
      }
    }
  }
  return routes;
}

std::vector<std::string> RouteTable::Explain(std::string_view party, std::string_view role) const {
  std::vector<std::string> lines;
  Match match = FindEntry(party, role, &lines);
  if (IsSelf(party)) {
    lines.insert(lines.begin(), fmt::format("party {} is one's own: queues and pushes stay here, "
                                            "only unary calls follow the table",
                                            Escape(party)));
  }
  if (!match.endpoints) {
    lines.push_back(fmt::format("no route: {}", match.missing));
    return lines;
  }
  std::vector<std::string> endpoints;
  for (const Endpoint& endpoint : *match.endpoints) {
    endpoints.push_back(endpoint.ToString() + (endpoint.tls ? " (TLS)" : ""));
  }
  lines.push_back(fmt::format("{} -> {}{}", match.rule, Join(endpoints, ", "),
                              endpoints.size() > 1 ? " in turn" : ""));
  return lines;
}

}  // namespace fate::routing
