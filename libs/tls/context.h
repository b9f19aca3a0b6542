#pragma once

// The settings of one side of TLS, made once from its files and shared by all connections:
// TLS 1.3, and 1.2 with forward secrecy and authenticated encryption for Java peers; ALPN h2;
// no renegotiation, no compression, no early data; sessions are resumed for up to an hour.
//
// Immutable but for its cache of sessions; thread-safe.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tls/credentials.h"

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_session_st SSL_SESSION;

namespace fate::tls {

class Session;

enum class ClientCertificates { kIgnored, kOptional, kRequired };

// What is spoken over TLS (ALPN). Whoever speaks HTTP/1.1 need not know the word for it.
enum class Application { kHttp2, kHttp1 };

class Context : public std::enable_shared_from_this<Context> {
 public:
  // Errors: as LoadInto; kInvalidArgument when there is no identity, or no authorities although
  // certificates of clients shall be looked at.
  static absl::StatusOr<std::shared_ptr<Context>> ForServer(const Files& files,
                                                            ClientCertificates clients);
  // Without authorities in `files` the system's are trusted.
  static absl::StatusOr<std::shared_ptr<Context>> ForClient(const Files& files);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // One connection, to be told apart as `peer` in messages. Client side: `server_name`, a host
  // name or an address, must be in the server's certificate.
  std::unique_ptr<Session> NewSession(std::string peer, const std::string& server_name = "",
                                      Application application = Application::kHttp2) const;

  const Files& files() const { return files_; }
  const Loaded& loaded() const { return loaded_; }

 private:
  friend class Session;
  friend struct SessionCallbacks;
  struct Cache;  // client side: the sessions to resume, by peer
  Context(bool server, Files files);
  absl::Status Configure(ClientCertificates clients);

  const bool server_;
  const Files files_;
  SSL_CTX* const context_;
  Loaded loaded_;
  const std::unique_ptr<Cache> cache_;
};

}  // namespace fate::tls
