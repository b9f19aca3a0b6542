#include "rollsite/http_interface.h"

#include <openssl/crypto.h>

#include "absl/strings/escaping.h"
#include "base/status.h"
#include "base/text.h"
#include "osx/osx.pb.h"
#include "queue_client/metadata.h"
#include "relay/client_call.h"
#include "rollsite/carried_calls.h"
#include "rollsite/http_calls.h"
#include "rollsite/http_json.h"
#include "rollsite/ptp.h"
#include "transfer_queue/transfer_queue.h"

namespace fate::rollsite {
namespace {

using Json = nlohmann::json;
using transfer_queue::kParameterError;
using transfer_queue::kSuccess;

constexpr int kWorkers = 4;
// A wait without a timeout of its own would hold the connection for an hour.
constexpr absl::Duration kCallSlack = absl::Seconds(30);

http::Response ToResponse(const Json& answer, int status = 200) {
  http::Response response;
  response.status = status;
  response.body = answer.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

std::string ToBase64(const std::string& bytes) {
  std::string text;
  absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()), &text);
  return text;
}

// HTTP headers of the protocol, as metadata.
relay::Headers Metadata(const http::Request& request) {
  relay::Headers head;
  for (const auto& [name, value] : request.headers) {
    if (GoesAlong(name)) head.push_back({name, value});
  }
  return head;
}

// What the call was made of, kept until it is answered.
struct Call {
  std::string method;
  http::Respond respond;
  std::unique_ptr<CarriedCalls::Ticket> ticket;  // it counts as the HTTP client's
  std::weak_ptr<relay::ClientCall> grpc;
};

// "code 130: PARTY_9999:text", as FailureOf writes it, taken apart again.
Json FailureJson(std::string_view method, const absl::Status& status) {
  std::string text = Message(status);
  std::string code(transfer_queue::kSystemError);
  if (text.starts_with("code ") && text.find(": ") != std::string::npos) {
    const size_t colon = text.find(": ");
    code = text.substr(5, colon - 5);
    text = text.substr(colon + 2);
  }
  const char* const key = method == "release" || method == "invoke" ? "message" : "msg";
  return {{"code", code}, {key, text}};
}

Json AnswerJson(std::string_view method, const std::string& bytes) {
  org::ppc::ptp::TransportOutbound answer;
  if (!answer.ParseFromString(bytes)) {
    return FailureJson(method, InternalError("the answer is damaged"));
  }
  if (method == "release") return {{"code", answer.code()}, {"message", answer.message()}};
  if (method == "push") return {{"code", answer.code()}, {"msg", answer.message()}};
  const char* const key = method == "invoke" ? "message" : "msg";
  return {
      {"code", answer.code()}, {key, answer.message()}, {"payload", ToBase64(answer.payload())}};
}

void Answered(const Call& call, const absl::StatusOr<std::string>& answer) {
  http::Response response = ToResponse(answer.ok() ? AnswerJson(call.method, *answer)
                                                   : FailureJson(call.method, answer.status()));
  // The sign that a queue which knows the push's number has stored it.
  const auto grpc = call.grpc.lock();
  const std::string_view sequence =
      grpc ? relay::Find(grpc->head(), queue_client::kSequenceHeader) : "";
  if (!sequence.empty()) {
    response.headers.push_back({queue_client::kSequenceHeader, std::string(sequence)});
  }
  call.respond(std::move(response));
}

bool SameSecret(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// The endpoint of a router/add request, under the names that the table has.
Json ToEndpoint(const Json& body) {
  Json endpoint = Json::object();
  for (const char* key :
       {"protocol", "url", "ip", "port", "useSSL", "certChainFile", "privateKeyFile", "caFile",
        "useKeyStore", "keyStorePassword", "trustStorePassword"}) {
    if (body.contains(key) && !body[key].is_null()) endpoint[key] = body[key];
  }
  if (body.contains("keyStoreFilePath")) endpoint["keyStoreFile"] = body["keyStoreFilePath"];
  if (body.contains("trustStoreFilePath")) endpoint["trustStoreFile"] = body["trustStoreFilePath"];
  return endpoint;
}

Json Changed(const absl::Status& status) {
  if (status.ok()) return {{"code", kSuccess}, {"data", "success"}};
  return {{"code", kParameterError}, {"data", Message(status)}};
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpInterface>> HttpInterface::Start(Gateway* gateway,
                                                                    const TlsStore* tls) {
  std::unique_ptr<HttpInterface> interface(new HttpInterface(gateway));
  http::Server::Options options;
  options.host = gateway->config().listen.host;
  options.port = gateway->config().http_port;
  options.workers = kWorkers;
  ASSIGN_OR_RETURN(
      interface->server_,
      http::Server::Start(
          options, [raw = interface.get()](const http::Request& request, http::Respond respond) {
            raw->Answer(request, std::move(respond));
          }));
  const TlsSettings::Https& https = gateway->config().tls.https;
  if (!https.listen) return interface;
  options.host = https.address.host;
  options.port = https.address.port;
  options.tls = [tls] { return tls->HttpsContext(); };
  options.on_handshake = &CountHandshake;
  ASSIGN_OR_RETURN(
      interface->secure_server_,
      http::Server::Start(
          options, [raw = interface.get()](const http::Request& request, http::Respond respond) {
            raw->AnswerParty(request, std::move(respond));
          }));
  return interface;
}

void HttpInterface::AnswerParty(const http::Request& request, http::Respond respond) {
  const std::string path = gateway_->config().http_prefix + "/interconn/chan/invoke";
  if (request.method == "POST" && request.path == path && request.version == 11) {
    return Channel(Entrance::kTls, "invoke", request, std::move(respond));
  }
  respond(ToResponse(
      {{"code", kParameterError},
       {"msg", fmt::format("only POST {} of HTTP/1.1 is served over HTTPS, which is for other "
                           "parties; one's own components use the HTTP port",
                           path)}},
      404));
}

void HttpInterface::Answer(const http::Request& request, http::Respond respond) {
  if (request.version != 11) {
    return respond(ToResponse({{"code", kParameterError}, {"msg", "use HTTP/1.1"}}, 405));
  }
  std::string_view path = request.path;
  const std::string& prefix = gateway_->config().http_prefix;
  if (path.starts_with(prefix)) path.remove_prefix(prefix.size());
  for (const std::string_view folder : {"/interconn/chan/", "/inner/router/"}) {
    if (!path.starts_with(folder)) continue;
    const std::string_view method = path.substr(folder.size());
    if (folder == "/inner/router/") return respond(Router(method, request.body));
    return Channel(Entrance::kMain, method, request, std::move(respond));
  }
  respond(
      ToResponse({{"code", kParameterError}, {"msg", "invalid uri " + Escape(request.path)}}, 502));
}

// The call is made to this rollsite itself, so that it means what it means over gRPC.
void HttpInterface::Channel(Entrance entrance, std::string_view method,
                            const http::Request& request, http::Respond respond) {
  auto call = ParseHttpCall(method, request.body);
  if (absl::IsUnimplemented(call.status())) {
    return respond(ToResponse(
        {{"code", kParameterError}, {"msg", "invalid uri " + Escape(request.path)}}, 502));
  }
  if (!call.ok()) {
    return respond(ToResponse({{"code", kParameterError}, {"msg", Message(call.status())}}));
  }
  relay::Peer caller{.host = request.remote_address,
                     .port = request.remote_port,
                     .certificate = request.certificate,
                     .secure = entrance == Entrance::kTls};
  const absl::Status allowed =
      CheckEntrance(gateway_->config().access, entrance, caller, call->path);
  if (!allowed.ok()) return respond(ToResponse(FailureJson(method, allowed)));
  gateway_->loop().Post([gateway = gateway_, method = std::string(method), call = *std::move(call),
                         metadata = Metadata(request), caller = std::move(caller),
                         respond = std::move(respond)]() mutable {
    relay::ClientCall::Options options{.address = gateway->own_address(),
                                       .lane = relay::Lane::kBulk,
                                       .path = call.path,
                                       .metadata = std::move(metadata),
                                       .timeout = call.wait + kCallSlack};
    auto made = std::make_shared<Call>(Call{method, std::move(respond)});
    made->ticket = gateway->carried_calls()->Carry(caller);
    options.metadata.push_back(made->ticket->header());
    auto done = [made](const absl::StatusOr<std::string>& answer) { Answered(*made, answer); };
    // The call keeps itself alive until it is answered.
    made->grpc = relay::ClientCall::Unary(gateway->upstreams(), std::move(options),
                                          std::move(call.message), std::move(done));
  });
}

http::Response HttpInterface::Router(std::string_view method, const std::string& text) const {
  const Json body = ParseBody(text);
  if (!body.is_object()) {
    return ToResponse({{"code", kParameterError}, {"msg", "invalid json"}});
  }
  if (method == "get") {
    const auto content = editor_.Read();
    return content.ok() ? ToResponse({{"content", *content}, {"code", kSuccess}})
                        : ToResponse(Changed(content.status()));
  }
  const Config& config = gateway_->config();
  if (config.route_changes_need_token &&
      (config.route_token.empty() || !SameSecret(Text(body, "token"), config.route_token))) {
    return ToResponse({{"code", kParameterError}, {"msg", "token is invalid"}});
  }
  if (method == "set") return ToResponse(Changed(editor_.Replace(Text(body, "data"))));
  if (method == "add") {
    return ToResponse(
        Changed(editor_.SetEndpoint(Text(body, "desPartyId"), ToEndpoint(body).dump())));
  }
  if (method == "self") {
    std::vector<std::string> parties;
    for (const Json& party : body.value("selfParty", Json::array())) {
      parties.push_back(party.is_string() ? party.get<std::string>() : party.dump());
    }
    return ToResponse(Changed(editor_.SetSelf(parties)));
  }
  return ToResponse({{"code", kParameterError}, {"msg", "invalid uri"}}, 502);
}

}  // namespace fate::rollsite
