#include "crypto/agreement/x25519.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/status.h"
#include "crypto/random.h"

namespace fate::crypto {
namespace {

using EvpKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using EvpContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;

// An OpenSSL without X25519, or without memory, can agree on nothing.
void Check(bool is_done) {
  if (is_done) return;
  std::fputs("OpenSSL cannot compute X25519; it needs its default provider\n", stderr);
  std::abort();
}

EvpKey PrivateKey(const std::array<uint8_t, 32>& bytes) {
  EvpKey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, bytes.data(), bytes.size()),
             EVP_PKEY_free);
  Check(key != nullptr);
  return key;
}

EvpKey PublicKey(std::string_view bytes) {
  EvpKey key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr,
                                  reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()),
      EVP_PKEY_free);
  Check(key != nullptr);
  return key;
}

}  // namespace

SharedSecret::~SharedSecret() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

X25519Key X25519Key::Random() {
  SharedSecret bytes;
  crypto::Random::Fill(bytes.bytes.data(), bytes.bytes.size());
  return X25519Key(bytes.bytes);
}

X25519Key::X25519Key(const std::array<uint8_t, 32>& private_bytes) : private_key_(private_bytes) {
  size_t size = public_key_.size();
  Check(EVP_PKEY_get_raw_public_key(PrivateKey(private_key_).get(), public_key_.data(), &size) ==
        1);
}

X25519Key::X25519Key(X25519Key&& other) noexcept
    : private_key_(other.private_key_), public_key_(other.public_key_), is_fresh_(other.is_fresh_) {
  OPENSSL_cleanse(other.private_key_.data(), other.private_key_.size());
  other.is_fresh_ = false;
}

X25519Key::~X25519Key() { OPENSSL_cleanse(private_key_.data(), private_key_.size()); }

absl::StatusOr<SharedSecret> X25519Key::Agree(std::string_view peer_public_key) && {
  if (!is_fresh_) {
    return FailedPreconditionError(
        "this X25519 key has served an agreement already; make a new one for each peer");
  }
  if (peer_public_key.size() != public_key_.size()) {
    return InvalidArgumentError("the peer's X25519 public key has {} bytes, not 32",
                                peer_public_key.size());
  }
  const EvpKey own = PrivateKey(private_key_), peer = PublicKey(peer_public_key);
  const EvpContext context(EVP_PKEY_CTX_new(own.get(), nullptr), EVP_PKEY_CTX_free);
  Check(context != nullptr && EVP_PKEY_derive_init(context.get()) == 1 &&
        EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1);
  OPENSSL_cleanse(private_key_.data(), private_key_.size());
  is_fresh_ = false;
  SharedSecret secret;
  size_t size = secret.bytes.size();
  // OpenSSL makes the check of RFC 7748, section 6.1; it is all that can fail here.
  if (EVP_PKEY_derive(context.get(), secret.bytes.data(), &size) != 1) {
    return InvalidArgumentError(
        "the peer's X25519 public key is a point of small order, which makes every shared secret "
        "zero; the peer must send a key that it generated");
  }
  return secret;
}

}  // namespace fate::crypto
