#pragma once

// Additively homomorphic encryption after Okamoto and Uchiyama (EUROCRYPT '98) with n = p^2 q
// (spec/federated-algorithms.md 6.5), on vectors. Ciphertexts are half as long as Paillier's, and
// cheaper by much; plaintexts lie in [0, p), for a secret p of a third of n's bits.
//
//   guest                                       host
//   PrivateKey::Generate (private_key.h)
//   Encryptor::Encrypt (encryptor.h)  -- c -->  ParseCiphertexts; sums, products (homomorphic/)
//   PrivateKey::DecryptForOther       <-- c --  Encryptor::Rerandomize
//
// Two things to know beside Paillier. There are no negative numbers: FATE encodes none, and here
// they are refused. And a plaintext that grew beyond p comes out reduced modulo p: who knows both
// numbers knows p, so what is decrypted for another party must be checked (private_key.h).
//
// A ciphertext is the least non-negative residue mod n; at work, vectors of them are Residues of
// the key's ring. Keys are immutable, threads may share them.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/big_int.h"
#include "crypto/key_checks.h"
#include "crypto/parallel.h"
#include "crypto/ring/ring.h"

namespace fate::crypto::okamoto_uchiyama {

using crypto::CheckKeyBits;

// Copies share one state.
class PublicKey {
 public:
  // n: 1024..8192 bits, odd, not a square and without a factor below 1000; 1 < g < n without a
  // common factor with n; h = g^n mod n, which takes an exponentiation to check, and h != 1. That
  // n is p^2 q nobody can see. Error: kInvalidArgument.
  static absl::StatusOr<PublicKey> Create(const BigInt& n, const BigInt& g, const BigInt& h,
                                          Isa isa = BestIsa());
  // Any odd n, for the small keys of test vectors.
  static PublicKey WithoutChecks(const BigInt& n, const BigInt& g, const BigInt& h,
                                 Isa isa = BestIsa());
  // The bytes of FATE's own (spec 6.4); Parse checks what Create checks.
  std::string Serialize() const;
  static absl::StatusOr<PublicKey> Parse(std::string_view bytes);

  const BigInt& n() const { return ring_->modulus(); }
  const BigInt& g() const { return state_->g; }
  const BigInt& h() const { return state_->h; }
  int bits() const { return n().BitLength(); }
  const std::shared_ptr<const Ring>& ring() const { return ring_; }
  friend bool operator==(const PublicKey& a, const PublicKey& b) {
    return a.n() == b.n() && a.g() == b.g() && a.h() == b.h();
  }

  // Plaintexts of so many bits are below every p that n may hide: bits() / 3 - 1.
  int max_plaintext_bits() const { return bits() / 3 - 1; }
  // OK for values in [0, 2^max_plaintext_bits). Error: kOutOfRange that names the first other one.
  absl::Status CheckPlaintexts(std::span<const BigInt> plaintexts) const;
  // Error: kInvalidArgument unless the vector is of this key.
  absl::Status CheckRing(const Residues& ciphertexts) const;

  // g^m for such plaintexts (checked), which anyone can test a guess against. For adding
  // plaintexts to what is masked, and tests.
  absl::StatusOr<Residues> EncodeUnmasked(std::span<const BigInt> plaintexts,
                                          const Parallel& parallel = Inline()) const;

 private:
  struct State {
    BigInt g, h;
  };
  PublicKey(const BigInt& n, const BigInt& g, const BigInt& h, Isa isa)
      : ring_(Ring::Modulo(n, isa)), state_(std::make_shared<const State>(State{g, h})) {}
  std::shared_ptr<const Ring> ring_;  // mod n
  std::shared_ptr<const State> state_;
};

}  // namespace fate::crypto::okamoto_uchiyama
