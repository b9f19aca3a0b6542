#pragma once

// HTTP/1.1 server on Boost.Beast: keep-alive, bounded headers and bodies, uploads spooled to
// disk. Handlers run on the server's worker threads and may block for as long as a partner
// call takes; they may also answer later from any thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace fate::tls {
class Context;
struct Certificate;
}  // namespace fate::tls

namespace fate::http {

struct Request {
  std::string method;                                      // "GET"
  std::string path;                                        // decoded, "/v2/job/submit"
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order, keys may repeat
  std::map<std::string, std::string> headers;              // keys in lower case
  std::string body;
  std::string body_file;  // multipart uploads: where the raw body lies; the server removes it
  std::string remote_address;
  int remote_port = 0;
  std::shared_ptr<const tls::Certificate> certificate;  // the client's, verified; null: none
  int version = 11;                                     // 10: HTTP/1.0

  // First value of a query key or header, or "".
  std::string Query(std::string_view key) const;
  std::string Header(std::string_view lower_case_name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string body_file;  // sent instead of `body` when set
  bool remove_body_file = false;
  std::vector<std::pair<std::string, std::string>> headers;
};

using Respond = std::function<void(Response)>;
using Handler = std::function<void(const Request&, Respond)>;

class Server {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    int port = 0;     // 0: any free port
    int workers = 4;  // handler threads
    std::string spool_dir = "/tmp";
    bool close_connections = false;  // FATE-Flow answers "Connection: close" (spec/fate-flow.md 1)
    // HTTPS: the certificates for the next connection; null while there are none, and no connection
    // is taken then.
    std::function<std::shared_ptr<const tls::Context>()> tls;
    // How a TLS handshake ended; on the server's own thread.
    std::function<void(const absl::Status&)> on_handshake;
  };
  // Error: kUnavailable naming the address when it is taken.
  static absl::StatusOr<std::unique_ptr<Server>> Start(Options options, Handler handler);
  ~Server();
  int port() const;
  void Stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fate::http
