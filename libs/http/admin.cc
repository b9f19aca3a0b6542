#include "http/admin.h"

#include "base/metrics.h"
#include "base/status.h"

namespace fate::http {

bool AnswerAdmin(const Request& request, const std::function<absl::Status()>& health,
                 Response* response) {
  response->content_type = "text/plain; version=0.0.4; charset=utf-8";
  if (request.path == "/metrics") {
    response->body = MetricsText();
    return true;
  }
  if (request.path != "/healthz") return false;
  absl::Status status = health();
  response->status = status.ok() ? 200 : 503;
  response->body = status.ok() ? "ok\n" : Message(status) + "\n";
  return true;
}

absl::StatusOr<std::unique_ptr<Server>> StartAdmin(const std::string& host, int port,
                                                   std::function<absl::Status()> health) {
  Server::Options options{.host = host, .port = port, .workers = 1};
  return Server::Start(options,
                       [health = std::move(health)](const Request& request, Respond respond) {
                         Response response;
                         if (!AnswerAdmin(request, health, &response)) {
                           response.status = 404;
                           response.body = "paths: /healthz /metrics\n";
                         }
                         respond(std::move(response));
                       });
}

}  // namespace fate::http
