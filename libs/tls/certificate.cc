#include "tls/certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <ctime>

#include "base/status.h"
#include "base/text.h"
#include "tls/openssl.h"

namespace fate::tls {
namespace {

std::string NameOf(const X509_NAME* name) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

std::string Utf8(const ASN1_STRING* string) {
  unsigned char* text = nullptr;
  int size = ASN1_STRING_to_UTF8(&text, string);
  if (size < 0) return "";
  std::string result(reinterpret_cast<char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  return result;
}

std::string Bytes(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

std::string AddressOf(const ASN1_STRING* octets) {
  char text[INET6_ADDRSTRLEN] = "";
  int family = ASN1_STRING_length(octets) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(octets) != 16) return "";
  inet_ntop(family, ASN1_STRING_get0_data(octets), text, sizeof text);
  return text;
}

void AddAlternativeName(const GENERAL_NAME* name, Certificate* out) {
  switch (name->type) {
    case GEN_DNS:
      return out->dns.push_back(ToLower(Bytes(name->d.dNSName)));
    case GEN_URI:
      return out->uris.push_back(Bytes(name->d.uniformResourceIdentifier));
    case GEN_IPADD:
      return out->addresses.push_back(AddressOf(name->d.iPAddress));
    default:
      return;
  }
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTimeT(timegm(&parts));
}

}  // namespace

std::string TakeError() {
  unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason ? reason : "unknown reason";
}

Certificate Certificate::Of(X509* x509) {
  Certificate result;
  const X509_NAME* subject = X509_get_subject_name(x509);
  result.subject = NameOf(subject);
  result.issuer = NameOf(X509_get_issuer_name(x509));
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
    result.common_names.push_back(Utf8(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  }
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names); ++i) {
    AddAlternativeName(sk_GENERAL_NAME_value(names, i), &result);
  }
  GENERAL_NAMES_free(names);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  X509_digest(x509, EVP_sha256(), digest, &size);
  result.sha256 = HexEncode({reinterpret_cast<char*>(digest), size});
  result.valid_from = TimeOf(X509_get0_notBefore(x509));
  result.valid_until = TimeOf(X509_get0_notAfter(x509));
  return result;
}

std::string Certificate::ToString() const {
  std::vector<std::string> names;
  for (const auto& name : dns) names.push_back("DNS:" + Escape(name));
  for (const auto& name : uris) names.push_back("URI:" + Escape(name));
  for (const auto& name : addresses) names.push_back("IP:" + name);
  std::string text = subject.empty() ? "no subject" : Escape(subject);
  return names.empty() ? text : fmt::format("{} ({})", text, Join(names, ", "));
}

}  // namespace fate::tls
