#pragma once

// Diffie and Hellman's key agreement modulo a prime, as clients of FATE 1.x use it for the seeds
// of their pads (spec 6.7, 7.2): the arbiter names (p, g), clients exchange g^x.
//
// Constant time in the exponent (GMP's mpz_powm_sec). A 1024-bit group is within reach of a
// state (Adrian et al., CCS 2015), and 1.x keeps 32 bits of the result anyway: this is for
// talking to 1.x, never for a new protocol.

#include "absl/status/statusor.h"
#include "crypto/big_int.h"

namespace fate::crypto {

struct ModpGroup {
  BigInt p, g;
};

// The two 1024-bit groups out of which an arbiter of 1.x chooses.
ModpGroup Rfc2409Group2();     // "Second Oakley Group", section 6.2
ModpGroup Rfc5114Group1024();  // section 2.1, subgroup of 160 bits

class ModpKey {
 public:
  // A fresh random exponent. Error: kInvalidArgument when p is not an odd prime of 1024 to 8192
  // bits or g is not in [2, p - 2]. The test of an unknown p costs about 50 ms at 2048 bits.
  static absl::StatusOr<ModpKey> Random(const ModpGroup& group);
  ModpKey(ModpKey&&) = default;
  ModpKey& operator=(ModpKey&&) = delete;
  ~ModpKey() { exponent_.Wipe(); }

  // g^x mod p.
  const BigInt& public_value() const { return public_value_; }

  // peer^x mod p. Error: kInvalidArgument when the peer's value, or what comes out, is outside
  // [2, p - 2] and so known to everybody.
  absl::StatusOr<BigInt> Agree(const BigInt& peer_public_value) const;

 private:
  ModpKey(const ModpGroup& group, BigInt exponent);

  ModpGroup group_;
  BigInt exponent_, public_value_;
};

}  // namespace fate::crypto
