#include "fate/flow_client.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/status.h"
#include "http/client.h"

namespace fate::cli {
namespace {

constexpr auto kCallTimeout = absl::Seconds(60);
constexpr auto kTransferTimeout = absl::Hours(12);

absl::StatusOr<Json> Send(const http::ClientRequest& request, const std::string& base_url) {
  auto response = http::Fetch(request);
  if (!response.ok()) {
    return absl::Status(response.status().code(),
                        fmt::format("cannot reach fateflow at {} ({}); is fate-fateflow running? "
                                    "give another address with --flow or FATE_FLOW",
                                    base_url, Message(response.status())));
  }
  Json answer = Json::parse(response->body, nullptr, false);
  if (!answer.is_object()) {
    return InternalError("{} answered something that is no JSON object", request.url);
  }
  return answer;
}

absl::StatusOr<Json> Judge(absl::StatusOr<Json> answer) {
  if (!answer.ok()) return answer;
  auto code = answer->value("code", Json(0));
  if (code == Json(0)) return answer;
  std::string text = answer->value("message", std::string("no message"));
  if (answer->contains("data") && answer->value("code", 0) == 5001) {
    text += " " + (*answer)["data"].dump();
  }
  return FailedPreconditionError("{} (code {})", text, code.dump());
}

std::string Url(const std::string& base, const std::string& path, const Query& query) {
  std::string url = base + path;
  char separator = '?';
  for (const auto& [key, value] : query) {
    if (value.empty()) continue;
    url += separator + key + "=" + http::UrlEncode(value);
    separator = '&';
  }
  return url;
}

}  // namespace

absl::StatusOr<Json> FlowClient::Get(const std::string& path, const Query& query) const {
  return Judge(Send({.url = Url(base_url_, path, query), .timeout = kCallTimeout}, base_url_));
}

absl::StatusOr<Json> FlowClient::PostRaw(const std::string& path, const Json& body) const {
  return Send({.method = "POST",
               .url = base_url_ + path,
               .headers = {{"Content-Type", "application/json"}},
               .body = body.dump(),
               .timeout = kCallTimeout},
              base_url_);
}

absl::StatusOr<Json> FlowClient::Post(const std::string& path, const Json& body) const {
  return Judge(PostRaw(path, body));
}

absl::StatusOr<Json> FlowClient::PostForm(const std::string& path, const Query& fields,
                                          const std::string& file_path) const {
  return Judge(Send({.method = "POST",
                     .url = base_url_ + path,
                     .timeout = kTransferTimeout,
                     .form_fields = fields,
                     .form_files = {{"file", file_path}}},
                    base_url_));
}

absl::Status FlowClient::Download(const std::string& method, const std::string& path,
                                  const Json& body, const std::string& file) const {
  http::ClientRequest request{
      .method = method, .url = base_url_ + path, .timeout = kTransferTimeout, .save_to = file};
  if (!body.is_null()) request.body = body.dump();
  auto response = http::Fetch(request);
  if (!response.ok()) return response.status();
  if (response->headers["content-type"] != "application/json") return absl::OkStatus();
  std::ifstream stream(file);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  std::filesystem::remove(file);
  Json answer = Json::parse(text, nullptr, false);
  if (!answer.is_object()) return InternalError("{} sent an unreadable answer", request.url);
  return Judge(answer).status();
}

absl::StatusOr<std::string> FlowClient::PartyId() const {
  ASSIGN_OR_RETURN(Json answer, Get("/v2/site/info/query"));
  if (!answer.contains("data") || !answer["data"].contains("party_id")) {
    return InternalError("{} did not tell its party id", base_url_);
  }
  return answer["data"]["party_id"].get<std::string>();
}

}  // namespace fate::cli
