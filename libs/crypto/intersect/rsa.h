#pragma once

// Intersection by blind RSA signatures, as FATE 1.x has it (spec 5.2; De Cristofaro and Tsudik,
// FC 2010). The host signs its own ids; the guest lets it sign blinded ones.
//
//   guest                                                  host
//   Create(e, n)                            <-- e, n --    RsaPrivateKey::Generate
//                                           <-- H' --      H' = HashNumbers(Sign(h))
//   Blind(h): x = h r^e               -- x -->             Sign(x)
//   Unblind: h^d = x^d / r            <-- x^d --
//   HashNumbers(h^d), joined with H'
//
// h = HashToIntegers(ids). With split_calculation each side has a key: ids with an odd h go through
// the host's as above, those with an even h through the guest's with the parts exchanged.
//
// Batches run on the vector paths of Ring, and on several threads.

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/big_int.h"
#include "crypto/key_checks.h"
#include "crypto/parallel.h"
#include "crypto/ring/ring.h"

namespace fate::crypto::intersect {

// Whether, with split_calculation, the host's key signs the id.
inline bool IsForHostKey(const BigInt& hashed_id) { return hashed_id.IsOdd(); }

// Immutable; cheap to copy; threads may share it.
class RsaPublicKey {
 public:
  // Error: kInvalidArgument when n is even, has a small factor or not 1024 to 8192 bits, or when e
  // is even, below 3 or above 32 bits.
  static absl::StatusOr<RsaPublicKey> Create(const BigInt& e, const BigInt& n, Isa isa = BestIsa());

  const BigInt& e() const { return e_; }
  const BigInt& n() const { return ring_->modulus(); }

  struct Blinded {
    std::vector<BigInt> values;   // for the signer
    std::vector<BigInt> factors;  // for Unblind, and for nobody else
  };
  // Factors are uniform below n, so that what the signer sees tells nothing. (FATE draws 128 bits,
  // or one factor for many ids; a signer cannot tell.) 0 <= hashed. 20 products modulo n each.
  Blinded Blind(std::span<const BigInt> hashed, const Parallel& parallel = Inline()) const;
  // The same with factors of the caller's, 0 < factor < n.
  std::vector<BigInt> BlindBy(std::span<const BigInt> factors, std::span<const BigInt> hashed,
                              const Parallel& parallel = Inline()) const;
  // signatures[i] / factors[i] mod n. Error: kInvalidArgument for counts that differ, signatures
  // that are not in [0, n), a factor without inverse.
  absl::StatusOr<std::vector<BigInt>> Unblind(std::span<const BigInt> signatures,
                                              std::span<const BigInt> factors,
                                              const Parallel& parallel = Inline()) const;

 private:
  friend class RsaPrivateKey;
  RsaPublicKey(const BigInt& e, std::shared_ptr<const Ring> ring) : e_(e), ring_(std::move(ring)) {}

  BigInt e_;
  std::shared_ptr<const Ring> ring_;  // mod n
};

// Neither copyable nor serialisable; overwritten when it goes. Threads may share it.
class RsaPrivateKey {
 public:
  // e = 65537. bits: even, 1024 to 8192. FATE 1.x asks for 1024 by default; a guest that factors
  // them tests guessed ids against H' at will.
  static absl::StatusOr<RsaPrivateKey> Generate(int bits = kDefaultKeyBits, Isa isa = BestIsa());
  // Primes made elsewhere. Error: kInvalidArgument unless they are different odd primes of about
  // one length, e is prime to p - 1 and q - 1, and n is long enough.
  static absl::StatusOr<RsaPrivateKey> FromPrimes(const BigInt& p, const BigInt& q, const BigInt& e,
                                                  Isa isa = BestIsa());
  // The same without the last condition.
  static absl::StatusOr<RsaPrivateKey> FromPrimesForTest(const BigInt& p, const BigInt& q,
                                                         const BigInt& e, Isa isa = BestIsa());

  RsaPrivateKey(RsaPrivateKey&&) noexcept;
  RsaPrivateKey& operator=(RsaPrivateKey&&) noexcept;
  ~RsaPrivateKey();

  const RsaPublicKey& public_key() const { return public_key_; }

  // values[i]^d mod n by Chinese remainders, constant in time as far as the key is concerned. Each
  // signature is checked before it leaves, because one computed wrongly would give the factors away
  // (Boneh, DeMillo, Lipton, EUROCRYPT '97). Error: kInvalidArgument for a value not in [0, n),
  // kInternal when the check fails.
  absl::StatusOr<std::vector<BigInt>> Sign(std::span<const BigInt> values,
                                           const Parallel& parallel = Inline()) const;

 private:
  struct Secrets;
  RsaPrivateKey(RsaPublicKey public_key, const BigInt& p, const BigInt& q);

  RsaPublicKey public_key_;
  std::unique_ptr<const Secrets> secrets_;
};

}  // namespace fate::crypto::intersect
