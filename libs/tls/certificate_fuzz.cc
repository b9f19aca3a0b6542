// Certificates in DER: names are read from any that OpenSSL takes.
#include <openssl/x509.h>

#include <cstdint>
#include <cstdlib>

#include "tls/certificate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const unsigned char* at = data;
  X509* x509 = d2i_X509(nullptr, &at, static_cast<long>(size));
  if (!x509) return 0;
  auto certificate = fate::tls::Certificate::Of(x509);
  X509_free(x509);
  for (char c : certificate.ToString()) {
    if (static_cast<unsigned char>(c) < 0x20) std::abort();  // goes into logs
  }
  return 0;
}
