#include "tls/credentials.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/limits.h"
#include "base/status.h"
#include "tls/openssl.h"

namespace fate::tls {
namespace {

constexpr unsigned char kJks[] = {0xfe, 0xed, 0xfe, 0xed};
constexpr unsigned char kJceks[] = {0xce, 0xce, 0xce, 0xce};

// A chain of certificates with its key; without one, a list of authorities.
struct Material {
  KeyPtr key;
  std::vector<X509Ptr> certificates;
};

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return NotFoundError("cannot read {}: {}", path, std::strerror(errno));
  std::string text(kMaxCertificateFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxCertificateFileBytes) {
    return InvalidArgumentError("{} has more than {} bytes; is it a certificate file?", path,
                                kMaxCertificateFileBytes);
  }
  return text;
}

template <size_t kSize>
bool StartsWith(const std::string& text, const unsigned char (&magic)[kSize]) {
  return text.size() >= kSize && std::memcmp(text.data(), magic, kSize) == 0;
}

// PEM is expected; says what a file is that holds something else.
absl::Status NoPem(const std::string& path, const std::string& text, std::string_view expected) {
  if (StartsWith(text, kJks) || StartsWith(text, kJceks)) {
    return InvalidArgumentError(
        "{} is a Java keystore (JKS), which only Java reads; convert it: keytool -importkeystore "
        "-srckeystore {} -destkeystore {}.p12 -deststoretype PKCS12",
        path, path, path);
  }
  if (text.starts_with('\x30')) {
    return InvalidArgumentError(
        "{} is binary (DER or PKCS#12), not PEM; convert it: openssl x509 -inform DER -in {} -out "
        "{}.pem, or for a keystore openssl pkcs12 -nodes -in {} -out {}.pem",
        path, path, path, path, path);
  }
  return InvalidArgumentError("{} holds no {} in PEM form (-----BEGIN ...)", path, expected);
}

BioPtr Memory(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

absl::StatusOr<std::vector<X509Ptr>> ReadPemCertificates(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, ReadWhole(path));
  BioPtr bio = Memory(text);
  std::vector<X509Ptr> result;
  ERR_clear_error();
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    result.emplace_back(next);
  }
  bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!ended) {
    return InvalidArgumentError("{}: certificate {} is damaged ({}); copy the file again", path,
                                result.size() + 1, TakeError());
  }
  ERR_clear_error();
  if (result.empty()) return NoPem(path, text, "certificate");
  return result;
}

int RefusePassword(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

absl::StatusOr<KeyPtr> ReadPemKey(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, ReadWhole(path));
  bool asked = false;
  KeyPtr key(PEM_read_bio_PrivateKey(Memory(text).get(), nullptr, &RefusePassword, &asked));
  if (asked) {
    return InvalidArgumentError(
        "the private key {} is protected by a password; write it without one: openssl pkcs8 "
        "-topk8 -nocrypt -in {} -out {}.new",
        path, path, path);
  }
  absl::Status problem = key ? absl::OkStatus() : NoPem(path, text, "private key");
  OPENSSL_cleanse(text.data(), text.size());
  ERR_clear_error();
  if (!problem.ok()) return problem;
  return key;
}

absl::StatusOr<Material> ReadKeystore(const std::string& path, const std::string& password) {
  ASSIGN_OR_RETURN(std::string text, ReadWhole(path));
  if (!text.starts_with('\x30')) return NoPem(path, text, "keystore, which has to be PKCS#12,");
  ERR_clear_error();
  Pkcs12Ptr store(d2i_PKCS12_bio(Memory(text).get(), nullptr));
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  STACK_OF(X509)* others = nullptr;
  if (!store || PKCS12_parse(store.get(), password.c_str(), &key, &certificate, &others) != 1) {
    return InvalidArgumentError(
        "cannot open the keystore {} ({}); is its password right? A keystore of Java 8 has to be "
        "written anew: openssl pkcs12 -legacy -nodes -in {} -out {}.pem",
        path, TakeError(), path, path);
  }
  Material result;
  result.key.reset(key);
  if (certificate) result.certificates.emplace_back(certificate);
  while (X509* next = others ? sk_X509_shift(others) : nullptr) {
    result.certificates.emplace_back(next);
  }
  sk_X509_free(others);
  return result;
}

absl::StatusOr<Material> ReadIdentity(const Files& files) {
  if (!files.keystore.empty()) {
    ASSIGN_OR_RETURN(Material material, ReadKeystore(files.keystore, files.keystore_password));
    if (!material.key || material.certificates.empty()) {
      return InvalidArgumentError("the keystore {} holds no private key with its certificate",
                                  files.keystore);
    }
    return material;
  }
  if (files.key.empty()) {
    return InvalidArgumentError("no private key is named for the certificate {}; name its file",
                                files.certificate);
  }
  Material material;
  ASSIGN_OR_RETURN(material.certificates, ReadPemCertificates(files.certificate));
  ASSIGN_OR_RETURN(material.key, ReadPemKey(files.key));
  return material;
}

absl::StatusOr<std::vector<X509Ptr>> ReadAuthorities(const Files& files) {
  if (files.truststore.empty()) return ReadPemCertificates(files.ca);
  ASSIGN_OR_RETURN(Material material, ReadKeystore(files.truststore, files.truststore_password));
  if (material.certificates.empty()) {
    return InvalidArgumentError("the keystore {} holds no certificate of an authority",
                                files.truststore);
  }
  return std::move(material.certificates);
}

absl::Status CheckValid(const Certificate& own, const std::string& file) {
  absl::Time now = absl::Now();
  if (now > own.valid_until) {
    return FailedPreconditionError("the certificate {} in {} has expired on {}; renew it",
                                   own.ToString(), file, absl::FormatTime(own.valid_until));
  }
  if (now < own.valid_from) {
    return FailedPreconditionError(
        "the certificate {} in {} is valid only from {}; is this machine's clock right?",
        own.ToString(), file, absl::FormatTime(own.valid_from));
  }
  return absl::OkStatus();
}

absl::Status UseIdentity(SSL_CTX* context, const Files& files, Loaded* loaded) {
  ASSIGN_OR_RETURN(Material material, ReadIdentity(files));
  const std::string& file = files.keystore.empty() ? files.certificate : files.keystore;
  for (const auto& x509 : material.certificates) {
    loaded->own.push_back(Certificate::Of(x509.get()));
  }
  RETURN_IF_ERROR(CheckValid(loaded->own.front(), file));
  ERR_clear_error();
  if (SSL_CTX_use_certificate(context, material.certificates.front().get()) != 1) {
    return InvalidArgumentError("the certificate in {} cannot be used: {}", file, TakeError());
  }
  if (SSL_CTX_use_PrivateKey(context, material.key.get()) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return InvalidArgumentError(
        "the private key {} does not belong to the certificate {} ({}); name a pair",
        files.key.empty() ? file : files.key, loaded->own.front().ToString(), TakeError());
  }
  for (size_t i = 1; i < material.certificates.size(); ++i) {
    SSL_CTX_add1_chain_cert(context, material.certificates[i].get());
  }
  return absl::OkStatus();
}

absl::Status UseAuthorities(SSL_CTX* context, const Files& files, Loaded* loaded) {
  ASSIGN_OR_RETURN(std::vector<X509Ptr> authorities, ReadAuthorities(files));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const auto& authority : authorities) {
    X509_STORE_add_cert(store, authority.get());
    SSL_CTX_add_client_CA(context, authority.get());  // named when a client's is asked for
  }
  loaded->authorities = authorities.size();
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> Files::Paths() const {
  std::vector<std::string> paths;
  for (const auto* path : {&ca, &certificate, &key, &keystore, &truststore}) {
    if (!path->empty()) paths.push_back(*path);
  }
  return paths;
}

absl::StatusOr<Loaded> LoadInto(SSL_CTX* context, const Files& files) {
  Loaded loaded;
  if (files.has_identity()) RETURN_IF_ERROR(UseIdentity(context, files, &loaded));
  if (files.has_authorities()) {
    RETURN_IF_ERROR(UseAuthorities(context, files, &loaded));
  } else {
    SSL_CTX_set_default_verify_paths(context);
  }
  return loaded;
}

}  // namespace fate::tls
