#include "fateflow/router.h"

#include "base/log.h"
#include "base/status.h"
#include "base/text.h"
#include "fateflow/multipart.h"

namespace fate::flow {
namespace {

constexpr std::string_view kPrefix = "/v2";

absl::Status HttpFailure(std::string_view name, std::string_view text) {
  return FlowErrorText(kException, fmt::format("<{} '{}'>", name, text));
}

absl::StatusOr<Json> ReadInput(const http::Request& request, Source source, const Fields& fields) {
  switch (source) {
    case Source::kQuery:
      return QueryObject(fields, request);
    case Source::kForm:
      return FormFields(request);
    case Source::kJson:
      break;
  }
  if (Trim(request.body).empty()) return Json::object();
  Json body = Json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (body.is_discarded()) return HttpFailure("BadRequest", "400: Bad Request");
  return body;
}

}  // namespace

std::string Call::Header(std::string_view name) const {
  std::string value = request.Header(name);
  if (!value.empty()) return value;
  std::string spelled(name);
  for (char& c : spelled) c = c == '-' ? '_' : c;
  return request.Header(spelled);
}

std::string NormalPath(std::string_view path) {
  std::string normal;
  for (std::string_view piece : Split(path, '/')) {
    if (!piece.empty()) normal += "/" + std::string(piece);
  }
  return normal;
}

void Router::Get(const std::string& path, Fields fields, CallHandler handler) {
  routes_[path]["GET"] = {Source::kQuery, std::move(fields), std::move(handler)};
}

void Router::Post(const std::string& path, Fields fields, CallHandler handler) {
  routes_[path]["POST"] = {Source::kJson, std::move(fields), std::move(handler)};
}

void Router::PostForm(const std::string& path, Fields fields, CallHandler handler) {
  routes_[path]["POST"] = {Source::kForm, std::move(fields), std::move(handler)};
}

void Router::MapFailures(const std::string& path_prefix, FailureMapper mapper) {
  failure_mappers_[path_prefix] = std::move(mapper);
}

const std::map<std::string, Router::Route>* Router::Find(const std::string& path,
                                                         std::string* tail) const {
  if (auto exact = routes_.find(path); exact != routes_.end()) return &exact->second;
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return nullptr;
  auto below = routes_.find(path.substr(0, slash + 1));
  if (below == routes_.end()) return nullptr;
  *tail = path.substr(slash + 1);
  return &below->second;
}

absl::StatusOr<Answer> Router::Run(const Route& route, const http::Request& request,
                                   std::string tail) const {
  ASSIGN_OR_RETURN(Json input, ReadInput(request, route.source, route.fields));
  ASSIGN_OR_RETURN(Json args, CheckFields(route.fields, input, route.source));
  try {
    return route.handler(Call{request, std::move(args), std::move(tail)});
  } catch (const std::exception& error) {  // JSON of an unexpected shape
    return FlowErrorText(kException, error.what());
  }
}

absl::StatusOr<Answer> Router::Handle(const http::Request& request, const std::string& path) const {
  std::string tail;
  const auto* methods = Find(path, &tail);
  if (methods == nullptr) return HttpFailure("NotFound", "404: Not Found");
  std::string method = request.method == "HEAD" ? "GET" : request.method;
  if (method == "OPTIONS") return Answer{};
  auto route = methods->find(method);
  if (route == methods->end()) {
    return HttpFailure("MethodNotAllowed", "405: Method Not Allowed");
  }
  return Run(route->second, request, std::move(tail));
}

http::Response Router::Dispatch(const http::Request& request) const {
  std::string path = NormalPath(request.path);
  if (!path.starts_with(std::string(kPrefix) + "/")) {
    return ToResponse(ToAnswer(HttpFailure("NotFound", "404: Not Found")));
  }
  path.erase(0, kPrefix.size());
  absl::StatusOr<Answer> answer = Handle(request, path);
  if (answer.ok()) return ToResponse(*answer);
  absl::Status failure = answer.status();
  for (const auto& [prefix, mapper] : failure_mappers_) {
    if (path.starts_with(prefix)) failure = mapper(request, failure);
  }
  if (CodeOf(failure) == kException) {
    log::Warning("{} {}: {}", request.method, Escape(path), Escape(Message(failure)));
  }
  return ToResponse(ToAnswer(failure));
}

}  // namespace fate::flow
