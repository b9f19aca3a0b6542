#pragma once

// The url of a route with protocol http: "http://10.0.0.2:8807/v1/interconn/chan/invoke".

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace fate::routing {

struct HttpUrl {
  bool secure = false;  // https
  std::string host;
  int port = 0;      // 80 or 443 where none is named
  std::string path;  // "" or from '/' on, with its query

  // Error: kInvalidArgument saying what to write.
  static absl::StatusOr<HttpUrl> Parse(std::string_view url);
};

}  // namespace fate::routing
