#include "tls/session.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "base/limits.h"
#include "base/status.h"
#include "base/text.h"
#include "tls/context.h"
#include "tls/openssl.h"

namespace fate::tls {
namespace {

constexpr size_t kRecordBytes = 16 << 10;
// The alert protocol_version, which OpenSSL does not send to those who speak clear text.
constexpr std::string_view kSpeakTls("\x15\x03\x01\0\x02\x02\x46", 7);
// Answers that the library wants to give, to a peer that does not read them.
constexpr size_t kMaxUnsentBytes = 512 << 10;

// Copies up to `limit` bytes of `parts` from `offset` on into `out`; advances part and offset.
size_t Gather(const iovec** part, const iovec* end, size_t* offset, char* out, size_t limit) {
  size_t size = 0;
  while (*part != end && size < limit) {
    size_t count = std::min(limit - size, (*part)->iov_len - *offset);
    std::memcpy(out + size, static_cast<const char*>((*part)->iov_base) + *offset, count);
    size += count;
    *offset += count;
    if (*offset == (*part)->iov_len) {
      ++*part;
      *offset = 0;
    }
  }
  return size;
}

}  // namespace

Session::Progress Session::Handshake() {
  if (over()) return Progress::kFailed;
  ERR_clear_error();
  in_ = received_;
  int result = SSL_do_handshake(ssl_);
  received_.erase(0, received_.size() - in_.size());
  in_ = {};
  if (result == 1) return Established();
  int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_WANT_READ) return Progress::kWaits;
  Fail(error);
  return Progress::kFailed;
}

// A resumed session brings the certificate of the first one along, which may have expired since.
Session::Progress Session::Established() {
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &protocol, &size);
  const std::string_view chosen(reinterpret_cast<const char*>(protocol), size);
  if (is_http1_ ? !chosen.empty() && chosen != "http/1.1" : chosen != "h2") {
    failure_ =
        UnavailableError("{} does not offer {} over TLS; is the port right?", peer_, application());
    return Progress::kFailed;
  }
  if (X509* x509 = SSL_get0_peer_certificate(ssl_)) {
    certificate_ = std::make_shared<Certificate>(Certificate::Of(x509));
    if (absl::Now() > certificate_->valid_until) {
      refused_ = {X509_V_ERR_CERT_HAS_EXPIRED, *certificate_};
      failure_ = UnavailableError("{}", ExplainVerification());
      return Progress::kFailed;
    }
  }
  return Progress::kDone;
}

size_t Session::Decrypt(std::string_view ciphertext, const iovec* parts, int count) {
  if (!received_.empty()) {
    received_.append(ciphertext);
    ciphertext = received_;
  }
  in_ = ciphertext;
  size_t total = 0;
  for (int i = 0; i < count && !over(); ++i) {
    size_t got = ReadInto(parts[i]);
    total += got;
    if (got < parts[i].iov_len) break;
  }
  if (unsent_.size() > kMaxUnsentBytes && failure_.ok()) {
    failure_ = UnavailableError("{} does not read what TLS answers", peer_);
  }
  received_.assign(in_);  // nothing, but for input larger than the parts
  in_ = {};
  return total;
}

// Fills one part record by record; less only when the input is used up or the connection over.
size_t Session::ReadInto(const iovec& part) {
  ERR_clear_error();
  size_t filled = 0;
  while (filled < part.iov_len) {
    size_t got = 0;
    int result =
        SSL_read_ex(ssl_, static_cast<char*>(part.iov_base) + filled, part.iov_len - filled, &got);
    filled += got;
    if (result == 1) continue;
    int error = SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_ZERO_RETURN) ended_ = true;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_ZERO_RETURN) Fail(error);
    break;
  }
  return filled;
}

size_t Session::Encrypt(const iovec* parts, int count, size_t limit, std::string* ciphertext) {
  out_ = ciphertext;
  const iovec* part = parts;
  size_t offset = 0, total = 0;
  while (part != parts + count && total < limit && failure_.ok()) {
    char record[kRecordBytes];
    size_t size =
        Gather(&part, parts + count, &offset, record, std::min(limit - total, kRecordBytes));
    size_t written = 0;
    ERR_clear_error();
    int result = SSL_write_ex(ssl_, record, size, &written);
    if (result != 1) Fail(SSL_get_error(ssl_, result));
    total += written;
  }
  out_ = &unsent_;
  return failure_.ok() ? total : 0;
}

void Session::SayGoodbye() {
  if (failure_.ok() && SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
}

bool Session::resumed() const { return SSL_session_reused(ssl_) == 1; }

void Session::Fail(int ssl_error) {
  if (!failure_.ok()) return;
  unsigned long code = ERR_peek_error();
  int reason = ssl_error == SSL_ERROR_SSL ? ERR_GET_REASON(code) : 0;
  if (context_->server_ && (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)) {
    unsent_ = kSpeakTls;
  }
  std::string text = Explain(reason);
  ERR_clear_error();
  failure_ = UnavailableError("{}", text);
}

std::string Session::Explain(int reason) const {
  if (reason >= SSL_AD_REASON_OFFSET) return ExplainAlert(reason - SSL_AD_REASON_OFFSET);
  switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return ExplainVerification();
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return fmt::format(
          "{} shows no certificate, which is demanded here; it has to name its certificate and "
          "private key for this route",
          peer_);
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
      return fmt::format("{} speaks clear text where TLS is expected; {}", peer_,
                         context_->server_ ? "it has to switch TLS on for this port"
                                           : "is the port the one for TLS?");
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_UNKNOWN_PROTOCOL:
      return fmt::format("{} speaks a version of TLS that is not safe; 1.2 or 1.3 is needed",
                         peer_);
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
      return fmt::format("{} offers no cipher suite or curve that is safe; it has to be updated",
                         peer_);
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return fmt::format("{} does not offer {}; only {} is served here", peer_, application(),
                         is_http1_ ? "it" : "gRPC");
    default:
      return fmt::format("TLS with {} failed: {}", peer_, TakeError());
  }
}

std::string Session::ExplainVerification() const {
  if (!refused_) return fmt::format("the certificate of {} is refused", peer_);
  const Certificate& refused = refused_->certificate;
  std::string whose = fmt::format("the certificate of {}, {},", peer_, refused.ToString());
  const Files& files = context_->files();
  const std::string& authorities = !files.truststore.empty() ? files.truststore : files.ca;
  switch (refused_->code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("{} has expired on {}; its owner has to renew it", whose,
                         absl::FormatTime(refused.valid_until));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("{} is valid only from {}; are the clocks right?", whose,
                         absl::FormatTime(refused.valid_from));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format(
          "{} is not for the name {}; ask for a certificate with it, or name the right host", whose,
          Escape(server_name_));
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return fmt::format(
          "{} comes from {}, which is no authority of {}; if you trust it, add it there", whose,
          Escape(refused.issuer), authorities.empty() ? "this system" : authorities);
    case X509_V_ERR_INVALID_PURPOSE:
      return fmt::format("{} is not made for TLS {} (extended key usage); it needs another", whose,
                         context_->server_ ? "clients" : "servers");
    default:
      return fmt::format("{} is refused: {}", whose, X509_verify_cert_error_string(refused_->code));
  }
}

// What the peer says about this side.
std::string Session::ExplainAlert(int alert) const {
  const auto& own = context_->loaded().own;
  std::string mine =
      own.empty() ? "this side's certificate" : "this side's certificate " + own[0].ToString();
  bool shown = !own.empty();
  switch (alert) {
    case SSL_AD_CERTIFICATE_EXPIRED:
      return fmt::format("{} refuses {}: it has expired; renew it", peer_, mine);
    case SSL_AD_UNKNOWN_CA:
      return fmt::format(
          "{} refuses {}: it does not trust its authority; the other side has to "
          "add the authority to its CA file",
          peer_, mine);
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_ACCESS_DENIED:
      return fmt::format("{} refuses {} ({}); the other side's log says why", peer_, mine,
                         SSL_alert_desc_string_long(alert));
    case SSL_AD_CERTIFICATE_REQUIRED:
      return fmt::format(
          "{} demands a certificate; name a certificate and its private key for this route", peer_);
    case SSL_AD_HANDSHAKE_FAILURE:
      return fmt::format("{} refuses the handshake: {}", peer_,
                         shown ? "no common cipher suite, or it wants another certificate"
                               : "it may demand a certificate; name one and its private key");
    case SSL_AD_PROTOCOL_VERSION:
      return fmt::format("{} speaks neither TLS 1.2 nor 1.3; it has to be updated", peer_);
    case SSL_AD_NO_APPLICATION_PROTOCOL:
      return fmt::format("{} does not speak {}; is the port right?", peer_, application());
    case SSL_AD_UNRECOGNIZED_NAME:
      return fmt::format("{} knows no host {}", peer_, Escape(server_name_));
    default:
      return fmt::format("{} broke TLS off ({})", peer_, SSL_alert_desc_string_long(alert));
  }
}

}  // namespace fate::tls
