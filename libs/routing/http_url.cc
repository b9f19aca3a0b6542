#include "routing/http_url.h"

#include <algorithm>

#include "base/status.h"
#include "base/text.h"

namespace fate::routing {
namespace {

absl::Status Wrong(std::string_view url) {
  return InvalidArgumentError("is '{}'; write http://<host>:<port> or https://<host>:<port>",
                              Escape(url).substr(0, 200));
}

}  // namespace

absl::StatusOr<HttpUrl> HttpUrl::Parse(std::string_view url) {
  HttpUrl out;
  std::string_view rest = url;
  out.secure = rest.starts_with("https://");
  if (!out.secure && !rest.starts_with("http://")) return Wrong(url);
  rest.remove_prefix(out.secure ? 8 : 7);
  if (!std::all_of(rest.begin(), rest.end(), [](char c) { return c > ' ' && c <= '~'; })) {
    return Wrong(url);
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  out.path = rest.substr(slash);
  out.port = out.secure ? 443 : 80;
  // "[::1]:8807": the colons of the address are inside the brackets.
  const size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
  if (bracket == std::string_view::npos) return Wrong(url);
  if (const size_t colon = authority.find(':', bracket); colon != std::string_view::npos) {
    const auto port = ParseInt<int>(authority.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535) return Wrong(url);
    out.port = *port;
    authority = authority.substr(0, colon);
  }
  if (bracket > 0) authority = authority.substr(1, bracket - 1);
  out.host = authority;
  const bool is_host = !out.host.empty() && out.host.find_first_of("@?#\\[]") == std::string::npos;
  if (!is_host) return Wrong(url);
  return out;
}

}  // namespace fate::routing
