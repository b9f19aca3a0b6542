#pragma once

// Routes below /v2 (spec/fate-flow.md 3): finds the handler, checks its arguments, turns what it
// returns into an answer. Thread-safe once all routes are added; handlers run on the caller's
// thread and may block.

#include <functional>
#include <map>
#include <string>

#include "fateflow/fields.h"

namespace fate::flow {

struct Call {
  const http::Request& request;
  Json args;         // validated fields of the route
  std::string tail;  // rest of the path below a route that ends in '/'

  // A header by its name with dashes; underscores count as dashes.
  std::string Header(std::string_view name) const;
};

using CallHandler = std::function<absl::StatusOr<Answer>(const Call&)>;
// Rewrites a failure (the worker API wraps unexpected ones in code 5008).
using FailureMapper = std::function<absl::Status(const http::Request&, const absl::Status&)>;

class Router {
 public:
  // Paths are written without "/v2". One that ends in '/' takes everything below it.
  void Get(const std::string& path, Fields fields, CallHandler handler);
  void Post(const std::string& path, Fields fields, CallHandler handler);
  // Fields come from a multipart form; the handler reads the file parts of the request itself.
  void PostForm(const std::string& path, Fields fields, CallHandler handler);
  void MapFailures(const std::string& path_prefix, FailureMapper mapper);

  http::Response Dispatch(const http::Request& request) const;

 private:
  struct Route {
    Source source;
    Fields fields;
    CallHandler handler;
  };
  const std::map<std::string, Route>* Find(const std::string& path, std::string* tail) const;
  absl::StatusOr<Answer> Run(const Route& route, const http::Request& request,
                             std::string tail) const;
  absl::StatusOr<Answer> Handle(const http::Request& request, const std::string& path) const;

  std::map<std::string, std::map<std::string, Route>> routes_;  // path -> method -> route
  std::map<std::string, FailureMapper> failure_mappers_;
};

// One slash between pieces, none at the end.
std::string NormalPath(std::string_view path);

}  // namespace fate::flow
