#include "rollsite/party_map.h"

#include <nlohmann/json.hpp>

#include "base/json_depth.h"
#include "base/limits.h"
#include "base/names.h"
#include "base/status.h"
#include "base/text.h"

namespace fate::rollsite {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kPartyUri = "urn:fate:party:";
constexpr std::string_view kPartyName = "party-";
constexpr std::string_view kKinds[] = {"CN=", "DNS:", "URI:", "SHA256:"};
constexpr size_t kDigestDigits = 64;

// The form in which names are compared: host names and digests in lower case, digests bare.
absl::StatusOr<std::string> Normal(std::string_view entry) {
  for (std::string_view kind : kKinds) {
    if (!entry.starts_with(kind)) continue;
    std::string name(entry.substr(kind.size()));
    if (kind == "DNS:" || kind == "SHA256:") name = ToLower(name);
    if (kind == "SHA256:") std::erase(name, ':');
    if (name.empty()) return InvalidArgumentError("has no name after {}", kind);
    if (kind == "SHA256:" && (name.size() != kDigestDigits || !HexDecode(name))) {
      return InvalidArgumentError(
          "is no SHA-256 digest in hex; openssl x509 -noout -fingerprint "
          "-sha256 prints it");
    }
    return fmt::format("{}{}", kind, name);
  }
  return InvalidArgumentError("starts with none of CN=, DNS:, URI: and SHA256:");
}

absl::StatusOr<PartyMap::Grant> ParseGrant(const Json& json) {
  PartyMap::Grant grant;
  for (const Json& party : json.is_array() ? json : Json::array({json})) {
    if (!party.is_string()) return InvalidArgumentError("must be \"*\" or a list of party ids");
    const auto& text = party.get_ref<const std::string&>();
    if (text == "*") {
      grant.any = true;
      continue;
    }
    ASSIGN_OR_RETURN(PartyId id, PartyId::Parse(text));
    grant.parties.insert(id.str());
  }
  return grant;
}

void NameItself(std::string_view name, std::string_view prefix, PartyMap::Grant* grant) {
  if (!name.starts_with(prefix)) return;
  auto id = PartyId::Parse(name.substr(prefix.size()));
  if (id.ok()) grant->parties.insert(id->str());
}

}  // namespace

absl::StatusOr<PartyMap> PartyMap::Parse(std::string_view json, const std::string& file) {
  if (json.size() > kMaxPartyMapBytes) {
    return InvalidArgumentError("{}: has {} bytes; a mapping of parties may have {}", file,
                                json.size(), kMaxPartyMapBytes);
  }
  if (JsonDepth(json) > kMaxJsonDepth) json = "";
  Json document = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) {
    return InvalidArgumentError(
        "{}: is no JSON object of certificates and parties, such as {{\"CN=gateway-10000\": "
        "[\"10000\"]}}; correct it",
        file);
  }
  PartyMap map;
  map.file_ = file;
  for (const auto& [name, parties] : document.items()) {
    auto normal = Normal(name);
    auto grant = ParseGrant(parties);
    const absl::Status& wrong = !normal.ok() ? normal.status() : grant.status();
    if (!wrong.ok()) {
      return InvalidArgumentError("{}: the entry \"{}\" {}; correct it", file, Escape(name),
                                  Message(wrong));
    }
    Grant& all = map.by_name_[*normal];
    all.any |= grant->any;
    all.parties.merge(grant->parties);
  }
  return map;
}

PartyMap::Grant PartyMap::Of(const tls::Certificate& certificate) const {
  Grant result;
  if (file_.empty()) {
    for (const auto& uri : certificate.uris) NameItself(uri, kPartyUri, &result);
    for (const auto& name : certificate.common_names) NameItself(name, kPartyName, &result);
    result.any = result.parties.empty();
    return result;
  }
  auto add = [&](std::string_view kind, const std::string& name) {
    auto it = by_name_.find(fmt::format("{}{}", kind, name));
    if (it == by_name_.end()) return;
    result.any |= it->second.any;
    result.parties.insert(it->second.parties.begin(), it->second.parties.end());
  };
  for (const auto& name : certificate.common_names) add("CN=", name);
  for (const auto& name : certificate.dns) add("DNS:", name);
  for (const auto& name : certificate.uris) add("URI:", name);
  add("SHA256:", certificate.sha256);
  return result;
}

std::string PartyMap::Grant::ToString() const {
  if (any) return "any party";
  if (parties.empty()) return "no party";
  return Join({parties.begin(), parties.end()}, ", ");
}

std::string PartyMap::Remedy() const {
  return file_.empty() ? "correct the party id, or ask for a certificate that names it"
                       : "correct the party id, or the mapping in " + file_;
}

}  // namespace fate::rollsite
