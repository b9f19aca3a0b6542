#include "crypto/hash.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>

#include "base/status.h"
#include "base/text.h"

namespace fate::crypto {
namespace {

constexpr std::string_view kNames[] = {"md5",    "sha1",   "sha224", "sha256",
                                       "sha384", "sha512", "sm3"};

// Fetching asks OpenSSL's providers and takes locks: once per process and function.
std::array<const EVP_MD*, std::size(kNames)> FetchAll() {
  std::array<const EVP_MD*, std::size(kNames)> functions;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    functions[i] = EVP_MD_fetch(nullptr, kNames[i].data(), nullptr);
  }
  return functions;
}

EVP_MD_CTX* ContextOfThisThread() {
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return context.get();
}

}  // namespace

std::array<uint8_t, 32> Sha256(std::string_view message) {
  std::array<uint8_t, 32> digest;
  SHA256(reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data());
  return digest;
}

std::array<uint8_t, 64> Sha512(std::string_view message) {
  std::array<uint8_t, 64> digest;
  SHA512(reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data());
  return digest;
}

absl::StatusOr<HashFunction> HashFunction::Named(std::string_view name) {
  static const std::array<const EVP_MD*, std::size(kNames)> functions = FetchAll();
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] != name) continue;
    if (functions[i] == nullptr) {
      return UnimplementedError(
          "hash function {} is not in the installed OpenSSL; enable its default provider, or "
          "choose sha256",
          name);
    }
    return HashFunction(functions[i], static_cast<size_t>(EVP_MD_get_size(functions[i])));
  }
  return InvalidArgumentError("unknown hash function '{}'; use one of {}", Escape(name),
                              fmt::join(kNames, ", "));
}

std::string HashFunction::Digest(std::string_view message) const {
  std::string digest(digest_size_, '\0');
  Digest(message, reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

void HashFunction::Digest(std::string_view message, uint8_t* digest) const {
  EVP_MD_CTX* context = ContextOfThisThread();
  if (EVP_DigestInit_ex2(context, function_, nullptr) != 1 ||
      EVP_DigestUpdate(context, message.data(), message.size()) != 1 ||
      EVP_DigestFinal_ex(context, digest, nullptr) != 1) {
    std::fputs("OpenSSL could not compute a digest: out of memory\n", stderr);
    std::abort();
  }
}

}  // namespace fate::crypto
