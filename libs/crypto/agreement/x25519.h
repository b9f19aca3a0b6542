#pragma once

// One-shot key agreement on Curve25519 (RFC 7748: X25519, the scalar is clamped), by which two
// clients of a secure aggregation come to the seed of their masks (spec 6.7, 7.1).
//
//   client i                                client j
//   X25519Key::Random()                     X25519Key::Random()
//   public_key()     -- 32 bytes -->
//                    <-- 32 bytes --        public_key()
//   Agree(theirs)  =  the same 32 bytes  =  Agree(theirs)
//
// A key serves one agreement and is wiped by it. Constant time (OpenSSL). The exchange is not
// authenticated: whoever carries the public keys can stand between the two, as in FATE; let
// them travel over links that both trust (TLS between the rollsites).

#include <array>
#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace fate::crypto {

// What two parties know and nobody else; wiped when it goes.
struct SharedSecret {
  std::array<uint8_t, 32> bytes{};

  SharedSecret() = default;
  explicit SharedSecret(const std::array<uint8_t, 32>& value) : bytes(value) {}
  SharedSecret(const SharedSecret&) = default;
  SharedSecret& operator=(const SharedSecret&) = default;
  ~SharedSecret();
};

class X25519Key {
 public:
  static X25519Key Random();
  explicit X25519Key(const std::array<uint8_t, 32>& private_bytes);
  X25519Key(X25519Key&& other) noexcept;
  X25519Key& operator=(X25519Key&&) = delete;
  ~X25519Key();

  const std::array<uint8_t, 32>& public_key() const { return public_key_; }

  // Uses the key up: std::move(key).Agree(peer). Errors: kInvalidArgument when the peer's key is
  // not 32 bytes, or is one of the few that make every shared secret zero; kFailedPrecondition
  // when the key was used before.
  absl::StatusOr<SharedSecret> Agree(std::string_view peer_public_key) &&;

 private:
  std::array<uint8_t, 32> private_key_, public_key_;
  bool is_fresh_ = true;
};

}  // namespace fate::crypto
