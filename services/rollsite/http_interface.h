#pragma once

// OSX's HTTP interface (spec/rollsite.md 5.9): the private transfer protocol as JSON, metadata as
// HTTP headers, and the administration of the route table.
//
//   POST /v1/interconn/chan/{push,pop,peek,release,invoke}    become calls to this rollsite
//   POST /v1/inner/router/{get,set,add,self}                  read and change the table
//
// Other parties reach invoke alone, over HTTPS (8809) with a certificate that says who they are;
// the rest is 404 there.
//
// Always 200 with a code in the answer, but 405 for another version than HTTP/1.1 and 502 for an
// unknown uri. A payload is base64 once, also where upstream encodes it twice.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "http/server.h"
#include "rollsite/gateway.h"
#include "routing/route_editor.h"

namespace fate::rollsite {

class HttpInterface {
 public:
  // Calls `gateway` on its loop only; that must run until this is destroyed.
  static absl::StatusOr<std::unique_ptr<HttpInterface>> Start(Gateway* gateway,
                                                              const TlsStore* tls);
  int port() const { return server_->port(); }
  int https_port() const { return secure_server_ ? secure_server_->port() : 0; }

 private:
  explicit HttpInterface(Gateway* gateway)
      : gateway_(gateway), editor_(gateway->config().route_table, gateway->config().party_id) {}
  void Answer(const http::Request& request, http::Respond respond);
  void AnswerParty(const http::Request& request, http::Respond respond);
  void Channel(Entrance entrance, std::string_view method, const http::Request& request,
               http::Respond respond);
  http::Response Router(std::string_view method, const std::string& body) const;

  Gateway* const gateway_;
  routing::RouteEditor editor_;
  std::unique_ptr<http::Server> server_, secure_server_;  // the latter null: no HTTPS
};

}  // namespace fate::rollsite
