#include "tls/context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <map>
#include <mutex>

#include "base/limits.h"
#include "base/status.h"
#include "tls/openssl.h"
#include "tls/session.h"

namespace fate::tls {
namespace {

constexpr unsigned char kAlpn[] = "\x02h2";
constexpr unsigned char kAlpnHttp1[] = "\x08http/1.1";
constexpr unsigned char kResumptionContext[] = "fate";
constexpr long kSessionSeconds = 3600;
constexpr int kMaxChain = 8;
constexpr size_t kMaxHandshakeBytes = 64 << 10;
constexpr size_t kMaxCachedSessions = 1024;

// AES-128 first: it is the fastest, and no weaker than the P-256 keys that guard it.
constexpr char kSuites13[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr char kSuites12[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

using SslSessionPtr = std::unique_ptr<SSL_SESSION, Deleter<SSL_SESSION_free>>;

}  // namespace

struct Context::Cache {
  std::mutex mutex;
  std::map<std::string, SslSessionPtr> sessions;

  void Put(const std::string& key, SSL_SESSION* session) {
    std::lock_guard lock(mutex);
    if (sessions.size() >= kMaxCachedSessions && !sessions.count(key)) {
      sessions.erase(sessions.begin());
    }
    sessions[key].reset(session);
  }
  // Each is used once: tickets that are seen twice let observers link connections.
  SslSessionPtr Take(const std::string& key) {
    std::lock_guard lock(mutex);
    auto node = sessions.extract(key);
    return node.empty() ? nullptr : std::move(node.mapped());
  }
};

struct SessionCallbacks {
  static Session* Of(const SSL* ssl) { return static_cast<Session*>(SSL_get_app_data(ssl)); }

  // The word of a server for what it speaks.
  static int ChooseApplication(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                               const unsigned char* offered, unsigned offered_size, void*) {
    const bool http1 = Of(ssl)->is_http1_;
    unsigned char* match = nullptr;
    const int found = SSL_select_next_proto(
        &match, size, http1 ? kAlpnHttp1 : kAlpn,
        static_cast<unsigned>(http1 ? sizeof kAlpnHttp1 : sizeof kAlpn) - 1, offered, offered_size);
    *chosen = match;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  static int OnNewSession(SSL* ssl, SSL_SESSION* session) {
    const Session* self = Of(ssl);
    self->context_->cache_->Put(self->peer_ + "|" + self->server_name_, session);
    return 1;  // keeps the reference
  }

  // Remembers what is wrong with which certificate; decides nothing.
  static int OnVerify(int good, X509_STORE_CTX* store) {
    if (good) return good;
    auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    X509* certificate = X509_STORE_CTX_get_current_cert(store);
    Session* self = Of(ssl);
    if (self->refused_) return good;
    self->refused_ = {X509_STORE_CTX_get_error(store),
                      certificate ? Certificate::Of(certificate) : Certificate()};
    return good;
  }

  static int ReadIn(BIO* bio, char* data, int size) {
    auto* self = static_cast<Session*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (self->in_.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    size_t count = self->in_.copy(data, static_cast<size_t>(size));
    self->in_.remove_prefix(count);
    return static_cast<int>(count);
  }

  static int WriteOut(BIO* bio, const char* data, int size) {
    auto* self = static_cast<Session*>(BIO_get_data(bio));
    self->out_->append(data, static_cast<size_t>(size));
    return size;
  }

  static long Control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
  }

  static const BIO_METHOD* Method() {
    static const BIO_METHOD* method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory");
      BIO_meth_set_read(made, &ReadIn);
      BIO_meth_set_write(made, &WriteOut);
      BIO_meth_set_ctrl(made, &Control);
      return made;
    }();
    return method;
  }
};

Context::Context(bool server, Files files)
    : server_(server),
      files_(std::move(files)),
      context_(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method())),
      cache_(std::make_unique<Cache>()) {}

Context::~Context() { SSL_CTX_free(context_); }

absl::StatusOr<std::shared_ptr<Context>> Context::ForServer(const Files& files,
                                                            ClientCertificates clients) {
  if (!files.has_identity()) {
    return InvalidArgumentError("a TLS server needs a certificate and its private key; name both");
  }
  if (clients != ClientCertificates::kIgnored && !files.has_authorities()) {
    return InvalidArgumentError(
        "certificates of clients cannot be checked without their authorities; name a CA file");
  }
  std::shared_ptr<Context> context(new Context(/*server=*/true, files));
  RETURN_IF_ERROR(context->Configure(clients));
  return context;
}

absl::StatusOr<std::shared_ptr<Context>> Context::ForClient(const Files& files) {
  std::shared_ptr<Context> context(new Context(/*server=*/false, files));
  RETURN_IF_ERROR(context->Configure(ClientCertificates::kRequired));
  return context;
}

absl::Status Context::Configure(ClientCertificates peers) {
  SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
  SSL_CTX_set_ciphersuites(context_, kSuites13);
  SSL_CTX_set_cipher_list(context_, kSuites12);
  SSL_CTX_set1_groups_list(context_, "X25519:P-256:P-384");
  SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_max_cert_list(context_, kMaxHandshakeBytes);
  int verify = peers == ClientCertificates::kIgnored ? SSL_VERIFY_NONE : SSL_VERIFY_PEER;
  if (peers == ClientCertificates::kRequired) verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context_, verify, &SessionCallbacks::OnVerify);
  SSL_CTX_set_verify_depth(context_, kMaxChain);
  // As in Java, whatever the operator lists is trusted, be it a root or not.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context_), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_timeout(context_, kSessionSeconds);
  if (server_) {
    SSL_CTX_set_alpn_select_cb(context_, &SessionCallbacks::ChooseApplication, nullptr);
    SSL_CTX_set_session_id_context(context_, kResumptionContext, sizeof kResumptionContext - 1);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);  // tickets only
    SSL_CTX_set_num_tickets(context_, 1);
  } else {
    SSL_CTX_set_alpn_protos(context_, kAlpn, sizeof kAlpn - 1);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_, &SessionCallbacks::OnNewSession);
  }
  ASSIGN_OR_RETURN(loaded_, LoadInto(context_, files_));
  return absl::OkStatus();
}

std::unique_ptr<Session> Context::NewSession(std::string peer, const std::string& server_name,
                                             Application application) const {
  std::unique_ptr<Session> session(new Session(shared_from_this(), std::move(peer), server_name));
  if (application == Application::kHttp1) {
    session->is_http1_ = true;
    SSL_set_alpn_protos(session->ssl_, kAlpnHttp1, sizeof kAlpnHttp1 - 1);
  }
  return session;
}

Session::Session(std::shared_ptr<const Context> context, std::string peer, std::string server_name)
    : context_(std::move(context)),
      peer_(std::move(peer)),
      server_name_(std::move(server_name)),
      ssl_(SSL_new(context_->context_)) {
  SSL_set_app_data(ssl_, this);
  BIO* bio = BIO_new(SessionCallbacks::Method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  if (context_->server_) {
    SSL_set_accept_state(ssl_);
    return;
  }
  SSL_set_connect_state(ssl_);
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl_);
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, server_name_.c_str()) != 1) {
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set1_host(expected, server_name_.c_str(), server_name_.size());
    SSL_set_tlsext_host_name(ssl_, server_name_.c_str());
  }
  if (auto session = context_->cache_->Take(peer_ + "|" + server_name_)) {
    SSL_set_session(ssl_, session.get());
  }
}

// A connection that ends without a goodbye is no reason against resuming its session.
Session::~Session() {
  if (failure_.ok()) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
}

}  // namespace fate::tls
