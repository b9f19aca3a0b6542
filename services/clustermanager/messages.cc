#include "clustermanager/messages.h"

#include "base/limits.h"
#include "base/names.h"
#include "base/status.h"
#include "base/text.h"

namespace fate::clustermanager {
namespace {

void Fill(const session::Endpoint& endpoint, meta::Endpoint* message) {
  message->set_host(endpoint.host);
  message->set_port(endpoint.port);
}

session::Endpoint ToEndpoint(const meta::Endpoint& message) {
  return {message.host(), message.port()};
}

absl::Status CheckLength(std::string_view what, std::string_view text, size_t limit_bytes) {
  if (text.size() <= limit_bytes) return absl::OkStatus();
  return InvalidArgumentError("{} '{}...' has {} bytes; at most {} are stored", what,
                              Escape(text.substr(0, 40)), text.size(), limit_bytes);
}

}  // namespace

meta::Processor ToMessage(const session::Processor& processor) {
  meta::Processor message;
  message.set_id(processor.id);
  message.set_servernodeid(processor.node_id);
  message.set_processortype(processor.type);
  message.set_status(std::string(session::ToText(processor.status)));
  Fill(processor.command, message.mutable_commandendpoint());
  Fill(processor.transfer, message.mutable_transferendpoint());
  message.set_pid(processor.pid);
  message.set_tag(processor.tag);
  return message;
}

meta::SessionMeta ToMessage(const session::Session& session, bool with_options) {
  meta::SessionMeta message;
  message.set_id(session.id);
  message.set_name(session.name);
  message.set_status(std::string(session::ToText(session.status)));
  message.set_tag(session.tag);
  for (const auto& processor : session.processors) *message.add_processors() = ToMessage(processor);
  if (with_options)
    message.mutable_options()->insert(session.options.begin(), session.options.end());
  return message;
}

meta::SessionMeta StartMessage(const std::string& session_id,
                               const std::vector<session::Processor>& processors) {
  meta::SessionMeta message;
  message.set_id(session_id);
  for (const auto& processor : processors) *message.add_processors() = ToMessage(processor);
  return message;
}

meta::ServerNode ToMessage(const session::Node& node) {
  meta::ServerNode message;
  message.set_id(node.id);
  message.set_name(node.name);
  message.set_clusterid(node.cluster_id);
  Fill(node.endpoint, message.mutable_endpoint());
  message.set_nodetype("NODE_MANAGER");
  message.set_status(std::string(session::ToText(node.status)));
  for (const auto& resource : node.resources) {
    auto* r = message.add_resources();
    r->set_type(resource.type);
    r->set_total(resource.total);
    r->set_used(resource.used);
    r->set_allocated(resource.allocated);
  }
  return message;
}

absl::StatusOr<session::ProcessorBeat> ToBeat(const meta::Processor& processor) {
  auto status = session::ParseProcessorStatus(processor.status());
  if (!status) {
    return InvalidArgumentError(
        "heartbeat of processor {}: status '{}' is unknown; send NEW, RUNNING, STOPPED, KILLED, "
        "ERROR or FINISHED",
        processor.id(), Escape(processor.status()));
  }
  session::ProcessorBeat beat;
  beat.processor.id = processor.id();
  beat.processor.status = *status;
  beat.processor.command = ToEndpoint(processor.commandendpoint());
  beat.processor.transfer = ToEndpoint(processor.transferendpoint());
  beat.processor.pid = processor.pid();
  if (auto it = processor.options().find(session::kProcessorDetailOption);
      it != processor.options().end()) {
    beat.detail = it->second.substr(0, kMaxOptionValueBytes / 2);
  }
  return beat;
}

absl::StatusOr<session::NodeBeat> ToBeat(const meta::NodeHeartbeat& heartbeat) {
  const meta::ServerNode& node = heartbeat.node();
  auto status = session::ParseNodeStatus(node.status());
  if (!status) {
    return InvalidArgumentError(
        "heartbeat of node {}: status '{}' is unknown; send INIT, HEALTHY "
        "or LOSS",
        node.id(), Escape(node.status()));
  }
  if (node.endpoint().host().empty() || node.endpoint().port() < 1 ||
      node.endpoint().port() > 65535) {
    return InvalidArgumentError("heartbeat of node {}: address '{}:{}' is not valid", node.id(),
                                Escape(node.endpoint().host()), node.endpoint().port());
  }
  RETURN_IF_ERROR(CheckLength("host", node.endpoint().host(), 1000));
  RETURN_IF_ERROR(CheckLength("node name", node.name(), 2000));
  if (node.resources_size() > 64) {
    return InvalidArgumentError("heartbeat of node {}: {} resources; at most 64 are kept",
                                node.id(), node.resources_size());
  }
  session::NodeBeat beat{.sequence = heartbeat.id()};
  beat.node = {.id = node.id(),
               .name = node.name(),
               .cluster_id = node.clusterid(),
               .endpoint = ToEndpoint(node.endpoint()),
               .status = *status};
  for (const auto& r : node.resources()) {
    RETURN_IF_ERROR(CheckLength("resource type", r.type(), 255));
    beat.node.resources.push_back({.type = r.type(), .total = r.total(), .used = r.used()});
  }
  return beat;
}

absl::StatusOr<session::CreateSession> ToCreateSession(const meta::SessionMeta& request) {
  ASSIGN_OR_RETURN(SessionId id, SessionId::Parse(request.id()));
  RETURN_IF_ERROR(CheckLength("session name", request.name(), 2000));
  RETURN_IF_ERROR(CheckLength("session tag", request.tag(), 255));
  RETURN_IF_ERROR(CheckOptions(request.options()));
  return session::CreateSession{.id = id.str(),
                                .name = request.name(),
                                .tag = request.tag(),
                                .options = {request.options().begin(), request.options().end()}};
}

absl::Status CheckOptions(const google::protobuf::Map<std::string, std::string>& options) {
  if (options.size() > kMaxOptions) {
    return InvalidArgumentError("{} options; at most {} are stored", options.size(), kMaxOptions);
  }
  for (const auto& [name, value] : options) {
    RETURN_IF_ERROR(CheckLength("option name", name, kMaxOptionNameBytes));
    RETURN_IF_ERROR(CheckLength("value of option " + name, value, kMaxOptionValueBytes));
  }
  return absl::OkStatus();
}

}  // namespace fate::clustermanager
