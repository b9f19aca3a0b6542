// The functions behind EVP: setting up and ending an EVP context costs as much as a digest of 1 kB.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "audit/digest.h"

#include <algorithm>

namespace fate::audit {

Hash Sha256(std::string_view first, std::string_view second) {
  Digest digest;
  digest.Reset(UINT64_MAX);
  digest.Add(first);
  digest.Add(second);
  return digest.Finish();
}

void Digest::Add(std::string_view bytes) {
  bytes = bytes.substr(0, std::min<uint64_t>(bytes.size(), limit_ - covered_));
  if (bytes.empty()) return;
  if (covered_ == 0) SHA256_Init(&state_);
  covered_ += bytes.size();
  SHA256_Update(&state_, bytes.data(), bytes.size());
}

Hash Digest::Finish() {
  Hash hash;
  if (covered_ == 0) SHA256_Init(&state_);
  SHA256_Final(hash.data(), &state_);
  return hash;
}

}  // namespace fate::audit
