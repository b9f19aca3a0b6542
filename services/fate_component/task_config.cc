#include "fate_component/task_config.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/text.h"
#include "fate_component/json_fields.h"
#include "yaml/yaml.h"

namespace fate::component {
namespace {

using nlohmann::json;

constexpr char kWhere[] = "task configuration";

absl::Status TakeObject(const json& config, const char* key, json& object) {
  const json& value = Member(config, key);
  if (value.is_null()) return absl::OkStatus();
  if (!value.is_object()) return InvalidArgumentError("{}: '{}' is no object", kWhere, key);
  object = value;
  return absl::OkStatus();
}

absl::Status CheckNames(const TaskConfig& config) {
  RETURN_IF_ERROR(PartyId::Parse(config.party_id).status());
  RETURN_IF_ERROR(PartyId::Parse(config.role).status());
  RETURN_IF_ERROR(SessionId::Parse(config.task_id).status());
  return SessionId::Parse(config.party_task_id).status();
}

absl::StatusOr<std::string> Address(const json& object, const std::string& where) {
  ASSIGN_OR_RETURN(std::string host, TextMember(object, "host", where));
  ASSIGN_OR_RETURN(std::string port, TextMember(object, "port", where));
  auto number = ParseInt<int>(port);
  if (host.empty() || !number || *number < 1 || *number > 65535) {
    return InvalidArgumentError("{}: '{}:{}' is no address", where, Escape(host), Escape(port));
  }
  return fmt::format("{}:{}", host, *number);
}

absl::StatusOr<federation::Party> ParseParty(const json& object) {
  federation::Party party;
  ASSIGN_OR_RETURN(party.role, TextMember(object, "role", "conf.federation party"));
  ASSIGN_OR_RETURN(party.party_id, TextMember(object, "partyid", "conf.federation party"));
  RETURN_IF_ERROR(PartyId::Parse(party.role).status());
  RETURN_IF_ERROR(PartyId::Parse(party.party_id).status());
  return party;
}

}  // namespace

absl::StatusOr<TaskConfig> TaskConfig::Parse(const std::string& text) {
  ASSIGN_OR_RETURN(json in, yaml::Parse(text));
  TaskConfig config;
  for (auto [key, member] : {std::pair{"job_id", &config.job_id},
                             {"task_id", &config.task_id},
                             {"party_task_id", &config.party_task_id},
                             {"task_name", &config.task_name},
                             {"component", &config.component},
                             {"role", &config.role},
                             {"party_id", &config.party_id}}) {
    ASSIGN_OR_RETURN(*member, TextMember(in, key, kWhere));
  }
  const json& stage = Member(in, "stage");
  config.stage = stage.is_string() ? stage.get<std::string>() : "default";
  RETURN_IF_ERROR(TakeObject(in, "parameters", config.parameters));
  RETURN_IF_ERROR(TakeObject(in, "input_artifacts", config.input_artifacts));
  RETURN_IF_ERROR(TakeObject(in, "output_artifacts", config.output_artifacts));
  RETURN_IF_ERROR(TakeObject(in, "conf", config.conf));
  if (const json& partitions = Member(in, "computing_partitions"); partitions.is_number_integer()) {
    config.computing_partitions =
        int(std::clamp<int64_t>(partitions.get<int64_t>(), 1, kMaxPartitions));
  }
  RETURN_IF_ERROR(CheckNames(config));
  return config;
}

absl::StatusOr<compute::Session::Options> SessionOptions(const json& conf) {
  const json& computing = Member(conf, "computing");
  ASSIGN_OR_RETURN(std::string type, TextMember(computing, "type", "conf.computing"));
  if (type != "eggroll") {
    return UnimplementedError(
        "computing engine '{}' is not supported by the native components; "
        "set default_engines.computing to eggroll",
        Escape(type));
  }
  const json& metadata = Member(computing, "metadata");
  compute::Session::Options options;
  ASSIGN_OR_RETURN(options.id, TextMember(metadata, "computing_id", "conf.computing.metadata"));
  ASSIGN_OR_RETURN(options.cluster_manager, Address(metadata, "conf.computing.metadata"));
  RETURN_IF_ERROR(SessionId::Parse(options.id).status());
  const json& given = Member(metadata, "options");
  if (!given.is_object()) return options;
  for (const auto& [key, value] : given.items()) {
    options.options[key] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return options;
}

absl::StatusOr<federation::Federation::Options> FederationOptions(const json& conf) {
  const json& federation = Member(conf, "federation");
  ASSIGN_OR_RETURN(std::string type, TextMember(federation, "type", "conf.federation"));
  if (type != "rollsite") {
    return UnimplementedError(
        "federation engine '{}' is not supported by the native components; "
        "set default_engines.federation to rollsite, or osx in stream mode",
        Escape(type));
  }
  const json& metadata = Member(federation, "metadata");
  const json& parties = Member(metadata, "parties");
  federation::Federation::Options options;
  ASSIGN_OR_RETURN(options.session_id,
                   TextMember(metadata, "federation_id", "conf.federation.metadata"));
  ASSIGN_OR_RETURN(options.self, ParseParty(Member(parties, "local")));
  for (const json& party : Member(parties, "parties")) {
    ASSIGN_OR_RETURN(options.parties.emplace_back(), ParseParty(party));
  }
  ASSIGN_OR_RETURN(options.rollsite, Address(Member(metadata, "rollsite_config"),
                                             "conf.federation.metadata.rollsite_config"));
  if (options.parties.size() < 2) {
    return FailedPreconditionError("this task has no other party to talk to");
  }
  return options;
}

absl::StatusOr<StoreName> ParseTableUri(const std::string& uri) {
  constexpr std::string_view kScheme = "eggroll:///";
  auto path = std::string_view(uri);
  size_t slash = path.starts_with(kScheme) ? path.find('/', kScheme.size()) : path.npos;
  if (slash == path.npos) {
    return InvalidArgumentError("'{}' is no URI of a table; expected eggroll:///namespace/name",
                                Escape(uri));
  }
  std::string name(path.substr(slash + 1));
  std::replace(name.begin(), name.end(), '/', '_');
  return StoreName::Parse(path.substr(kScheme.size(), slash - kScheme.size()), name);
}

absl::StatusOr<std::string> ParseFileUri(const std::string& uri) {
  constexpr std::string_view kScheme = "file://";
  if (!uri.starts_with(kScheme) || uri.size() <= kScheme.size() + 1 || uri[kScheme.size()] != '/') {
    return InvalidArgumentError("'{}' is no URI of a file; expected file:///path", Escape(uri));
  }
  return uri.substr(kScheme.size());
}

}  // namespace fate::component
