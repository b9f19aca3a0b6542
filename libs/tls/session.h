#pragma once

// One TLS connection in memory: ciphertext in, plaintext out, and the other way round. Knows no
// socket, so that the steps of a handshake may run on another thread (one at a time; the session
// belongs to one thread at any moment).
//
//   handshake:  Receive(bytes) -> Handshake() -> send unsent(); until kDone
//   reading:    Decrypt(bytes, parts)            writing: Encrypt(parts) -> bytes to send

#include <sys/uio.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tls/certificate.h"

typedef struct ssl_st SSL;
typedef struct bio_st BIO;
typedef struct bio_method_st BIO_METHOD;
typedef struct x509_store_ctx_st X509_STORE_CTX;

namespace fate::tls {

class Context;

class Session {
 public:
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Bytes for the next steps of the handshake. What is left over is the first input of Decrypt.
  void Receive(std::string_view ciphertext) { received_.append(ciphertext); }
  enum class Progress { kWaits, kDone, kFailed };
  Progress Handshake();

  // Decrypts what Receive left and `ciphertext` into `parts`, which have room for all of it.
  // Returns the bytes of plaintext. Then `over` tells whether anything can follow.
  size_t Decrypt(std::string_view ciphertext, const iovec* parts, int count);
  bool has_received() const { return !received_.empty(); }

  // Appends to `ciphertext` the records of up to `limit` bytes of `parts`; returns how many.
  // 0 when the connection is over.
  size_t Encrypt(const iovec* parts, int count, size_t limit, std::string* ciphertext);
  // Tells the peer that no more will be sent.
  void SayGoodbye();

  // Ciphertext that has to be sent before anything that Encrypt makes.
  std::string& unsent() { return unsent_; }

  // The peer has ended the connection, or it failed.
  bool over() const { return ended_ || !failure_.ok(); }
  // Why it failed: names the peer, its certificate and the remedy. OK if it has not.
  const absl::Status& failure() const { return failure_; }
  const std::string& peer() const { return peer_; }
  bool resumed() const;
  // The peer's, verified; null when it has shown none. After the handshake.
  const std::shared_ptr<const Certificate>& certificate() const { return certificate_; }

 private:
  friend class Context;
  friend struct SessionCallbacks;
  Session(std::shared_ptr<const Context> context, std::string peer, std::string server_name);
  Progress Established();
  const char* application() const { return is_http1_ ? "HTTP/1.1" : "HTTP/2 (ALPN h2)"; }
  size_t ReadInto(const iovec& part);
  void Fail(int ssl_error);
  std::string Explain(int reason) const;
  std::string ExplainVerification() const;
  std::string ExplainAlert(int alert) const;

  const std::shared_ptr<const Context> context_;
  const std::string peer_, server_name_;
  SSL* ssl_;
  std::string received_, unsent_;
  std::string_view in_;          // what the library reads next
  std::string* out_ = &unsent_;  // where it writes to
  bool ended_ = false, is_http1_ = false;
  absl::Status failure_;
  std::shared_ptr<const Certificate> certificate_;
  struct Refused {
    int code = 0;
    Certificate certificate;
  };
  std::optional<Refused> refused_;  // the first certificate that did not pass
};

}  // namespace fate::tls
