#include "rollsite/route_operators.h"

#include <algorithm>

#include "base/log.h"
#include "base/status.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "routing/route_editor.h"

namespace fate::rollsite {
namespace {

constexpr char kGet[] = "get_route_table";
constexpr char kSet[] = "set_route_table";
constexpr char kPing[] = "ping";
constexpr size_t kSaltDigits = 13;  // milliseconds before the JSON of set_route_table

// "" if the caller may, else how upstream says that he may not.
std::string Refusal(const Config& config, const std::string& caller, const Packet& packet,
                    const std::string& action) {
  const auto& hosts = config.operator_hosts;
  if (std::find(hosts.begin(), hosts.end(), caller) == hosts.end()) {
    return action + " failed, Src ip not included in whitelist.";
  }
  const std::string token = OperatorToken(packet.body().value(), config.operator_key);
  if (token.empty() || packet.body().key() != token) {
    return action + " failed. Token verification failed.";
  }
  return "";
}

std::string GetTable(const routing::RouteEditor& editor) {
  const auto text = editor.Read();
  return text.ok() ? *text : fmt::format("getRouteTable failed. {}", Message(text.status()));
}

std::string SetTable(const routing::RouteEditor& editor, std::string_view value) {
  if (value.size() < kSaltDigits) return "setRouteTable failed. The salt of 13 digits is missing.";
  const absl::Status replaced = editor.Replace(value.substr(kSaltDigits));
  if (!replaced.ok()) return fmt::format("setRouteTable failed. {}", Message(replaced));
  return "setRouteTable finished";
}

}  // namespace

bool IsRouteOperator(const std::string& name) {
  return name == kGet || name == kSet || name == kPing;
}

std::string OperatorToken(const std::string& text, const std::string& key) {
  const auto md5 = crypto::HashFunction::Named("md5");
  return md5.ok() ? HexEncode(md5->Digest(text + key)) : "";
}

Packet AnswerOperator(const Config& config, const std::string& caller, const Packet& packet) {
  Packet answer;
  *answer.mutable_header() = packet.header();
  const std::string& name = packet.header().operator_();
  if (name == kPing) {
    answer.mutable_header()->set_operator_("pong");
    return answer;
  }
  const bool is_get = name == kGet;
  std::string text = Refusal(config, caller, packet, is_get ? "getRouteTable" : "setRouteTable");
  if (text.empty()) {
    const routing::RouteEditor editor(config.route_table, config.party_id);
    text = is_get ? GetTable(editor) : SetTable(editor, packet.body().value());
    log::Info("{} by {}: {}", name, caller, is_get ? "read" : Escape(text));
  } else {
    log::Warning("{} by {} refused: {}", name, caller, text);
  }
  answer.mutable_body()->set_value(std::move(text));
  return answer;
}

}  // namespace fate::rollsite
