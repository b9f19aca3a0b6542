#include "http/server.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "base/limits.h"
#include "base/log.h"
#include "base/status.h"
#include "base/text.h"
#include "http/stream.h"
#include "http/url.h"
#include "tls/context.h"

namespace fate::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using tcp = asio::ip::tcp;

constexpr auto kIdleTimeout = std::chrono::seconds(60);
constexpr auto kWriteTimeout = std::chrono::seconds(300);
constexpr auto kHandshakeTimeout = std::chrono::seconds(10);
constexpr auto kDrainTimeout = std::chrono::seconds(5);

class Connection;

// Connections whose request is with the handler. An answer may come from any thread, and later
// than the end of the server: it finds its connection here or nowhere.
class Waiting {
 public:
  uint64_t Add(std::shared_ptr<Connection> connection) {
    const std::lock_guard lock(mutex_);
    connections_.emplace(++last_, std::move(connection));
    return last_;
  }
  // `response` is written on the connection's strand.
  void Answer(uint64_t ticket, Response response);
  void Remove(uint64_t ticket) {
    const std::lock_guard lock(mutex_);
    connections_.erase(ticket);
  }
  void Clear() {
    const std::lock_guard lock(mutex_);
    connections_.clear();
  }

 private:
  std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<Connection>> connections_;
  uint64_t last_ = 0;
};

// What connections need from their server.
struct Shared {
  Server::Options options;
  Handler handler;
  asio::thread_pool workers;
  std::atomic<int> connections{0};
  std::atomic<uint64_t> next_spool{0};
  const std::shared_ptr<Waiting> waiting = std::make_shared<Waiting>();

  Shared(Server::Options o, Handler h)
      : options(std::move(o)),
        handler(std::move(h)),
        workers(static_cast<size_t>(options.workers)) {}
};

// What a handler holds: one that is dropped without an answer ends the connection.
class Ticket {
 public:
  Ticket(std::shared_ptr<Waiting> waiting, uint64_t number)
      : waiting_(std::move(waiting)), number_(number) {}
  ~Ticket() { waiting_->Remove(number_); }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  void Answer(Response response) { waiting_->Answer(number_, std::move(response)); }

 private:
  const std::shared_ptr<Waiting> waiting_;
  const uint64_t number_;
};

// One client. Reads a request, hands it to a worker, writes the answer, repeats. All steps run
// on the connection's strand; the object lives as long as a step is pending.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::shared_ptr<Shared> shared)
      : stream_(std::move(socket)), shared_(std::move(shared)) {
    ++shared_->connections;
  }
  ~Connection() {
    --shared_->connections;
    RemoveSpool();
  }

  void Start() {
    asio::dispatch(stream_.get_executor(), [self = shared_from_this()] {
      self->shared_->options.tls ? self->Handshake() : self->ReadHeader();
    });
  }
  void Answer(Response response) {
    asio::post(stream_.get_executor(),
               [self = shared_from_this(), response = std::move(response)]() mutable {
                 self->Write(std::move(response));
               });
  }

 private:
  void Handshake() {
    const auto context = shared_->options.tls();
    if (!context) return;
    beast::error_code gone;
    const auto peer = stream_.tcp().socket().remote_endpoint(gone);
    if (gone) return;
    stream_.tcp().expires_after(kHandshakeTimeout);
    stream_.Handshake(
        context->NewSession(fmt::format("{}:{}", peer.address().to_string(), peer.port()),
                            /*server_name=*/"", tls::Application::kHttp1),
        [self = shared_from_this()](const absl::Status& status) {
          const Server::Options& options = self->shared_->options;
          if (options.on_handshake) options.on_handshake(status);
          if (status.ok()) self->ReadHeader();
        });
  }

  void ReadHeader() {
    header_parser_.emplace();
    header_parser_->header_limit(static_cast<uint32_t>(kMaxHttpHeaderBytes));
    header_parser_->body_limit(kMaxHttpUploadBytes);
    stream_.tcp().expires_after(kIdleTimeout);
    bhttp::async_read_header(
        stream_, buffer_, *header_parser_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->OnHeader(error); });
  }

  void OnHeader(beast::error_code error) {
    if (error == bhttp::error::header_limit) return Refuse(431, "the request header is too large");
    if (error) {
      if (error.category() == bhttp::make_error_code(bhttp::error::bad_method).category() &&
          error != bhttp::error::end_of_stream) {
        return Refuse(400, "the request is not HTTP/1.1");
      }
      return;
    }
    const auto& message = header_parser_->get();
    keep_alive_ = message.keep_alive() && !shared_->options.close_connections;
    if (message[bhttp::field::expect] == "100-continue") return Continue();
    ReadBody();
  }

  void Continue() {
    auto response =
        std::make_shared<bhttp::response<bhttp::empty_body>>(bhttp::status::continue_, 11);
    bhttp::async_write(stream_, *response,
                       [self = shared_from_this(), response](beast::error_code error, size_t) {
                         if (!error) self->ReadBody();
                       });
  }

  void ReadBody() {
    bool multipart =
        header_parser_->get()[bhttp::field::content_type].starts_with("multipart/form-data");
    multipart ? ReadFile() : ReadString();
  }

  void ReadString() {
    if (auto length = header_parser_->content_length(); length && *length > kMaxHttpBodyBytes) {
      return Refuse(413, "the request body is too large");
    }
    string_parser_.emplace(std::move(*header_parser_));
    string_parser_->body_limit(kMaxHttpBodyBytes);
    bhttp::async_read(stream_, buffer_, *string_parser_,
                      [self = shared_from_this()](beast::error_code error, size_t) {
                        if (error == bhttp::error::body_limit) {
                          return self->Refuse(413, "the request body is too large");
                        }
                        if (error) return;
                        Request request = self->Convert(self->string_parser_->get().base());
                        request.body = std::move(self->string_parser_->get().body());
                        self->Handle(std::move(request));
                      });
  }

  void ReadFile() {
    spool_ =
        fmt::format("{}/upload.{}.{}", shared_->options.spool_dir, getpid(), ++shared_->next_spool);
    file_parser_.emplace(std::move(*header_parser_));
    file_parser_->body_limit(kMaxHttpUploadBytes);
    beast::error_code error;
    file_parser_->get().body().open(spool_.c_str(), beast::file_mode::write, error);
    if (error) return Refuse(500, "cannot write the upload to " + spool_);
    bhttp::async_read(stream_, buffer_, *file_parser_,
                      [self = shared_from_this()](beast::error_code read_error, size_t) {
                        if (read_error == bhttp::error::body_limit) {
                          return self->Refuse(413, "the upload is too large");
                        }
                        if (read_error) return;
                        Request request = self->Convert(self->file_parser_->get().base());
                        self->file_parser_->get().body().close();
                        request.body_file = self->spool_;
                        self->Handle(std::move(request));
                      });
    // A slow upload of many gigabytes is legal; only silence is not.
    stream_.tcp().expires_never();
  }

  Request Convert(const bhttp::request_header<>& header) {
    Request request;
    request.method = std::string(header.method_string());
    request.version = static_cast<int>(header.version());
    auto target = ParseTarget(std::string_view(header.target().data(), header.target().size()));
    if (target) {
      request.path = std::move(target->path);
      request.query = std::move(target->query);
    }
    for (const auto& field : header) {
      request.headers[ToLower({field.name_string().data(), field.name_string().size()})] =
          std::string(field.value());
    }
    beast::error_code ignored;
    auto peer = stream_.tcp().socket().remote_endpoint(ignored);
    if (!ignored) {
      request.remote_address = peer.address().to_string();
      request.remote_port = peer.port();
    }
    if (stream_.session()) request.certificate = stream_.session()->certificate();
    return request;
  }

  void Handle(Request request) {
    stream_.tcp().expires_never();
    if (request.path.empty()) return Refuse(400, "the request target cannot be decoded");
    auto ticket =
        std::make_shared<Ticket>(shared_->waiting, shared_->waiting->Add(shared_from_this()));
    asio::post(
        shared_->workers, [&handler = shared_->handler, ticket, request = std::move(request)] {
          handler(request, [ticket](Response response) { ticket->Answer(std::move(response)); });
        });
  }

  template <class Body>
  void FillHeader(bhttp::response<Body>& message, const Response& response) {
    message.version(11);
    message.result(static_cast<unsigned>(response.status));
    message.set(bhttp::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message.set(name, value);
    message.keep_alive(keep_alive_);
  }

  void Write(Response response) {
    RemoveSpool();
    if (!response.body_file.empty()) return WriteFile(std::move(response));
    auto message = std::make_shared<bhttp::response<bhttp::string_body>>();
    FillHeader(*message, response);
    message->body() = std::move(response.body);
    message->prepare_payload();
    Send(message);
  }

  void WriteFile(Response response) {
    auto message = std::make_shared<bhttp::response<bhttp::file_body>>();
    FillHeader(*message, response);
    beast::error_code error;
    message->body().open(response.body_file.c_str(), beast::file_mode::scan, error);
    if (error) return Refuse(500, "cannot read " + response.body_file);
    if (response.remove_body_file) std::filesystem::remove(response.body_file);
    message->prepare_payload();
    Send(message);
  }

  template <class Message>
  void Send(std::shared_ptr<Message> message) {
    stream_.tcp().expires_after(kWriteTimeout);
    bhttp::async_write(stream_, *message,
                       [self = shared_from_this(), message](beast::error_code error, size_t) {
                         if (error) return;
                         if (self->keep_alive_) return self->ReadHeader();
                         self->Close();
                       });
  }

  // Answers a request that cannot be read; the connection ends.
  void Refuse(int status, const std::string& text) {
    keep_alive_ = false;
    Write({.status = status, .content_type = "text/plain", .body = text + "\n"});
  }

  // Lets the client read the answer before the connection is reset for unread input.
  void Close() {
    stream_.EndSending();
    stream_.tcp().expires_after(kDrainTimeout);
    Drain();
  }

  void Drain() {
    stream_.async_read_some(asio::buffer(drain_),
                            [self = shared_from_this()](beast::error_code error, size_t) {
                              if (!error) self->Drain();
                            });
  }

  void RemoveSpool() {
    if (spool_.empty()) return;
    std::error_code ignored;
    std::filesystem::remove(spool_, ignored);
    spool_.clear();
  }

  Stream stream_;
  std::shared_ptr<Shared> shared_;
  beast::flat_buffer buffer_;
  std::optional<bhttp::request_parser<bhttp::empty_body>> header_parser_;
  std::optional<bhttp::request_parser<bhttp::string_body>> string_parser_;
  std::optional<bhttp::request_parser<bhttp::file_body>> file_parser_;
  std::string spool_;
  bool keep_alive_ = true;
  std::array<char, 4096> drain_;
};

void Waiting::Answer(uint64_t ticket, Response response) {
  const std::lock_guard lock(mutex_);
  const auto found = connections_.find(ticket);
  if (found == connections_.end()) return;
  found->second->Answer(std::move(response));
  connections_.erase(found);
}

}  // namespace

std::string Request::Query(std::string_view key) const {
  for (const auto& [name, value] : query) {
    if (name == key) return value;
  }
  return "";
}

std::string Request::Header(std::string_view lower_case_name) const {
  auto it = headers.find(std::string(lower_case_name));
  return it == headers.end() ? "" : it->second;
}

class Server::Impl {
 public:
  Impl(Options options, Handler handler)
      : shared_(std::make_shared<Shared>(std::move(options), std::move(handler))),
        acceptor_(context_) {}

  absl::Status Listen() {
    beast::error_code error;
    const Options& options = shared_->options;
    auto address = asio::ip::make_address(options.host, error);
    if (error) return InvalidArgumentError("'{}' is no IP address to listen on", options.host);
    tcp::endpoint endpoint(address, static_cast<uint16_t>(options.port));
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return UnavailableError("cannot listen on {}:{}: {}", options.host, options.port,
                              error.message());
    }
    port_ = acceptor_.local_endpoint().port();
    Accept();
    thread_ = std::thread([this] { context_.run(); });
    return absl::OkStatus();
  }

  void Accept() {
    acceptor_.async_accept(asio::make_strand(context_),
                           [this](beast::error_code error, tcp::socket socket) {
                             if (error == asio::error::operation_aborted) return;
                             if (!error) OnAccept(std::move(socket));
                             Accept();
                           });
  }

  void OnAccept(tcp::socket socket) {
    if (shared_->connections >= kMaxHttpConnections) {
      log::Warning("refusing an HTTP connection: {} are open", kMaxHttpConnections);
      return;
    }
    beast::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    std::make_shared<Connection>(std::move(socket), shared_)->Start();
  }

  void Stop() {
    if (!thread_.joinable()) return;
    asio::post(context_, [this] {
      beast::error_code ignored;
      acceptor_.close(ignored);
    });
    shared_->workers.stop();
    shared_->workers.join();
    context_.stop();
    thread_.join();
    beast::error_code ignored;
    acceptor_.close(ignored);  // where the loop was stopped before it came to that
    shared_->waiting->Clear();
  }

  int port() const { return port_; }

 private:
  asio::io_context context_{1};
  std::shared_ptr<Shared> shared_;
  tcp::acceptor acceptor_;
  std::thread thread_;
  int port_ = 0;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { Stop(); }
int Server::port() const { return impl_->port(); }
void Server::Stop() { impl_->Stop(); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(Options options, Handler handler) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
  RETURN_IF_ERROR(impl->Listen());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

}  // namespace fate::http
