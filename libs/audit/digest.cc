#include "audit/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace fate::audit {
namespace {

// Looked up once: by name it costs more than a short message.
const EVP_MD* Function() {
  static const EVP_MD* const function = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return function;
}

// Contexts for the calls that are running; making one costs as much as a digest of 1 kB.
class Pool {
 public:
  EVP_MD_CTX* Take() {
    EVP_MD_CTX* context = free_.empty() ? EVP_MD_CTX_new() : free_.back().release();
    if (!free_.empty()) free_.pop_back();
    EVP_DigestInit_ex2(context, Function(), nullptr);
    return context;
  }
  void Give(EVP_MD_CTX* context) {
    std::unique_ptr<EVP_MD_CTX, Free> owned(context);
    if (free_.size() < kMost) free_.push_back(std::move(owned));
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  static constexpr size_t kMost = 256;
  std::vector<std::unique_ptr<EVP_MD_CTX, Free>> free_;
};

Pool& ThreadPool() {
  thread_local Pool pool;
  return pool;
}

}  // namespace

Hash Sha256(std::string_view first, std::string_view second) {
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  Hash hash;
  EVP_DigestInit_ex2(context.get(), Function(), nullptr);
  EVP_DigestUpdate(context.get(), first.data(), first.size());
  EVP_DigestUpdate(context.get(), second.data(), second.size());
  EVP_DigestFinal_ex(context.get(), hash.data(), nullptr);
  return hash;
}

Digest::~Digest() { Reset(0); }

void Digest::Reset(uint64_t limit) {
  if (context_) ThreadPool().Give(std::exchange(context_, nullptr));
  limit_ = limit;
  covered_ = 0;
}

void Digest::Add(std::string_view bytes) {
  if (covered_ >= limit_ || bytes.empty()) return;
  bytes = bytes.substr(0, std::min<uint64_t>(bytes.size(), limit_ - covered_));
  covered_ += bytes.size();
  if (!context_) context_ = ThreadPool().Take();
  EVP_DigestUpdate(context_, bytes.data(), bytes.size());
}

Hash Digest::Finish() {
  if (!context_) return Sha256("");
  Hash hash;
  EVP_DigestFinal_ex(context_, hash.data(), nullptr);
  ThreadPool().Give(std::exchange(context_, nullptr));
  return hash;
}

}  // namespace fate::audit
