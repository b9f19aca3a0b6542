#pragma once

// Intersection by commuting exponentiation, as the DH variant of FATE 1.x has it (spec 5.2; Pohlig
// and Hellman, IEEE Trans. Inf. Theory 1978): ids are raised to the secret exponents of both sides
// modulo one prime, which the guest chooses.
//
//   guest                                          host
//   RandomStandardPrime   -- p -->
//   a.Encrypt(h)          -- h^a -->               b.Encrypt       -> h^(a b)
//   a.Encrypt             <-- k^b --               b.Encrypt(k)
//   join, a.Decrypt       <-- h^(a b) --
//
// h, k = HashToTextIntegers(ids). Constant in time in the exponent. Whether h is a square modulo p
// shows in h^a, and with the primes of RFC 5114 more: curve25519.h is better and faster, this is
// for talking to 1.x.

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/big_int.h"
#include "crypto/parallel.h"
#include "crypto/ring/ring.h"

namespace fate::crypto::intersect {

// The primes out of which a guest of 1.x chooses, and RFC 3526's for longer keys: RFC 2409 and 5114
// for 1024 bits, RFC 3526 and 5114 for 2048, RFC 3526 for 3072, 4096, 6144 and 8192. Error:
// kInvalidArgument for other lengths.
absl::StatusOr<std::vector<BigInt>> StandardPrimes(int bits);
absl::StatusOr<BigInt> RandomStandardPrime(int bits);

// Neither copyable nor serialisable; overwritten when it goes. Threads may share it.
class DhCipher {
 public:
  // A random exponent that is prime to p - 1. Error: kInvalidArgument when p is not an odd prime of
  // 1024 to 8192 bits; the test of one that is not in StandardPrimes takes 50 ms at 2048 bits. (A
  // guest of FATE 1.11 with key_length 2048 may name RFC 3526's prime without its last 128 bits,
  // which is even.)
  static absl::StatusOr<DhCipher> Random(const BigInt& p, Isa isa = BestIsa());
  // Error: kInvalidArgument also when the exponent is not in [2, p) or shares a factor with p - 1.
  static absl::StatusOr<DhCipher> Create(const BigInt& p, const BigInt& exponent,
                                         Isa isa = BestIsa());

  DhCipher(DhCipher&&) noexcept;
  DhCipher& operator=(DhCipher&&) noexcept;
  ~DhCipher();

  const BigInt& p() const { return ring_->modulus(); }

  // values[i]^exponent mod p. Hashed ids may be larger than p, what a peer sent may not. Error:
  // kInvalidArgument for a value that is 0, 1 or -1 modulo p, which no exponent hides, or negative.
  absl::StatusOr<std::vector<BigInt>> Encrypt(std::span<const BigInt> values,
                                              const Parallel& parallel = Inline()) const;
  // Takes Encrypt back.
  absl::StatusOr<std::vector<BigInt>> Decrypt(std::span<const BigInt> values,
                                              const Parallel& parallel = Inline()) const;

 private:
  DhCipher(const BigInt& p, const BigInt& exponent, Isa isa);
  absl::StatusOr<std::vector<BigInt>> Raise(std::span<const BigInt> values, const BigInt& exponent,
                                            const Parallel& parallel) const;

  std::shared_ptr<const Ring> ring_;
  BigInt exponent_, inverse_;
};

}  // namespace fate::crypto::intersect
