#pragma once

// Authorities and certificates made while a test runs.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/status.h"
#include "tls/credentials.h"
#include "tls/openssl.h"

namespace fate::tls {

// A folder that is removed at the end.
class TestFolder {
 public:
  TestFolder() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() / fmt::format("tls_{}_{}", getpid(), ++count);
    std::filesystem::create_directories(path_);
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ / name; }
  // Replaces the file in one step.
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(*this / (name + ".new"), std::ios::binary) << text;
    std::filesystem::rename(*this / (name + ".new"), *this / name);
    return *this / name;
  }

 private:
  std::filesystem::path path_;
};

struct TestCertificate {
  X509Ptr x509;
  KeyPtr key;
  std::string pem() const {
    BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), x509.get());
    return Text(bio.get());
  }
  std::string key_pem(const char* password = nullptr) const {
    BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), password ? EVP_aes_256_cbc() : nullptr,
                                  password, password ? 4 : 0, nullptr, nullptr);
    return Text(bio.get());
  }
  std::string pkcs12(const std::string& password) const {
    Pkcs12Ptr store(
        PKCS12_create(password.c_str(), "own", key.get(), x509.get(), nullptr, 0, 0, 0, 0, 0));
    BioPtr bio(BIO_new(BIO_s_mem()));
    i2d_PKCS12_bio(bio.get(), store.get());
    return Text(bio.get());
  }
  static std::string Text(BIO* bio) {
    char* data = nullptr;
    long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<size_t>(size)};
  }
};

struct CertificateWishes {
  std::string name = "party-9999";            // common name
  std::string alternatives = "IP:127.0.0.1";  // as in openssl.cnf; "": none
  long from_s = -3600, until_s = 3600;        // from now
  std::string usage = "serverAuth,clientAuth";
  bool rsa = false;
};

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "test authority")
      : root_(Make({.name = name, .alternatives = "", .usage = ""}, nullptr)) {}

  TestCertificate Issue(const CertificateWishes& wishes) const { return Make(wishes, &root_); }
  const TestCertificate& root() const { return root_; }

  // Writes <name>.crt, <name>.key and <name>-ca.crt.
  Files Write(const TestFolder& folder, const std::string& name,
              const CertificateWishes& wishes) const {
    TestCertificate certificate = Issue(wishes);
    Files files;
    files.key = folder.Write(name + ".key", certificate.key_pem());
    files.certificate = folder.Write(name + ".crt", certificate.pem());
    files.ca = folder.Write(name + "-ca.crt", root_.pem());
    return files;
  }

 private:
  static void Extend(X509* x509, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, x509, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
  }

  static TestCertificate Make(const CertificateWishes& wishes, const TestCertificate* issuer) {
    static long serial = 0;
    TestCertificate result;
    result.key.reset(wishes.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
    result.x509.reset(X509_new());
    X509* x509 = result.x509.get();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x509), wishes.from_s);
    X509_gmtime_adj(X509_getm_notAfter(x509), wishes.until_s);
    X509_set_pubkey(x509, result.key.get());
    X509_NAME* subject = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wishes.name.data()),
                               static_cast<int>(wishes.name.size()), -1, 0);
    X509* issuer_x509 = issuer ? issuer->x509.get() : x509;
    X509_set_issuer_name(x509, X509_get_subject_name(issuer_x509));
    Extend(x509, issuer_x509, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
    if (!wishes.alternatives.empty()) {
      Extend(x509, issuer_x509, NID_subject_alt_name, wishes.alternatives);
    }
    if (!wishes.usage.empty()) Extend(x509, issuer_x509, NID_ext_key_usage, wishes.usage);
    X509_sign(x509, issuer ? issuer->key.get() : result.key.get(), EVP_sha256());
    return result;
  }

  TestCertificate root_;
};

}  // namespace fate::tls
