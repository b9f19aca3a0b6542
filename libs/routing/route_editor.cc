#include "routing/route_editor.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/status.h"
#include "base/text.h"
#include "routing/route_table.h"

namespace fate::routing {
namespace {

using Json = nlohmann::json;

absl::Status CannotWrite(const std::string& path) {
  return UnavailableError("cannot write the route table {}: {}; check the folder's rights and room",
                          path, std::strerror(errno));
}

absl::StatusOr<Json> ParseObject(std::string_view text, std::string_view what) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return InvalidArgumentError("{} is no JSON object", what);
  return json;
}

}  // namespace

absl::StatusOr<std::string> RouteEditor::Read() const {
  std::ifstream file(path_, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file.good() && !file.eof()) {
    return UnavailableError("cannot read the route table {}: {}", path_, std::strerror(errno));
  }
  return text;
}

absl::Status RouteEditor::Replace(std::string_view json) const {
  RETURN_IF_ERROR(RouteTable::Parse(json, path_, own_party_).status());
  const std::string temporary = fmt::format("{}.new.{}", path_, getpid());
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file << json;
    file.close();
    if (!file) {
      absl::Status failure = CannotWrite(path_);
      unlink(temporary.c_str());
      return failure;
    }
  }
  if (rename(temporary.c_str(), path_.c_str()) != 0) {
    absl::Status failure = CannotWrite(path_);
    unlink(temporary.c_str());
    return failure;
  }
  return absl::OkStatus();
}

absl::Status RouteEditor::SetEndpoint(const std::string& party,
                                      std::string_view endpoint_json) const {
  ASSIGN_OR_RETURN(const std::string text, Read());
  ASSIGN_OR_RETURN(Json table, ParseObject(text, path_));
  ASSIGN_OR_RETURN(Json endpoint, ParseObject(endpoint_json, "the endpoint"));
  if (!table["route_table"][party].is_object()) table["route_table"][party] = Json::object();
  table["route_table"][party]["default"] = Json::array({std::move(endpoint)});
  return Replace(table.dump(2));
}

absl::Status RouteEditor::SetSelf(const std::vector<std::string>& parties) const {
  ASSIGN_OR_RETURN(const std::string text, Read());
  ASSIGN_OR_RETURN(Json table, ParseObject(text, path_));
  table["self_party"] = parties;
  return Replace(table.dump(2));
}

}  // namespace fate::routing
