#pragma once

// Additively homomorphic encryption after Paillier (EUROCRYPT '99) with g = n + 1
// (spec/federated-algorithms.md 6.1).
//
//   guest                                     host
//   PaillierPrivateKey::Generate
//   PaillierEncryptor::Encrypt  -- c1..ck -->  Add, MulPlain, PaillierSum
//   Decrypt                     <--  sum  ---  PaillierEncryptor::Rerandomize
//
// A ciphertext is the least non-negative residue mod n^2. Anyone who knows n reads the plaintext
// of an unmasked one, 1 + n m: only a PaillierEncryptor makes what may leave the party. Keys are
// immutable and may be shared between threads.

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crypto/big_int.h"
#include "crypto/montgomery.h"

namespace fate::crypto {

// Key lengths in bits. Below 1024 a key can be factored; beyond 8192 a hostile key costs the
// other side minutes of computing.
inline constexpr int kMinPaillierBits = 1024;
inline constexpr int kMaxPaillierBits = 8192;
inline constexpr int kDefaultPaillierBits = 2048;

// Error: kInvalidArgument "key size 512 is too small, minimum is 1024".
absl::Status CheckPaillierBits(int bits);

struct Ciphertext {
  BigInt value;
  friend bool operator==(const Ciphertext&, const Ciphertext&) = default;
};

// Copies share one state.
class PaillierPublicKey {
 public:
  // n: odd, 1024..8192 bits. Error: kInvalidArgument.
  static absl::StatusOr<PaillierPublicKey> Create(const BigInt& n);
  // Any odd n, for the small keys of test vectors.
  static PaillierPublicKey WithoutSizeCheckForTest(const BigInt& n);
  // Big-endian bytes of n; Parse checks what Create checks.
  std::string Serialize() const;
  static absl::StatusOr<PaillierPublicKey> Parse(std::string_view bytes);

  const BigInt& n() const { return state_->n; }
  const BigInt& n_squared() const { return state_->modulus.modulus(); }
  const Montgomery& modulus() const { return state_->modulus; }  // n^2
  int bits() const { return state_->n.BitLength(); }
  size_t ciphertext_bytes() const { return 2 * ((static_cast<size_t>(bits()) + 7) / 8); }

  // Dec = a + b mod n. 5 us at 2048 bits; for long sums see PaillierSum.
  Ciphertext Add(const Ciphertext& a, const Ciphertext& b) const;
  // Dec = c + m mod n; m may be negative. As masked as c is.
  Ciphertext AddPlain(const Ciphertext& c, const BigInt& m) const;
  // Dec = c k mod n; k may be negative (the inverse's power: a small factor stays cheap). k = 0
  // gives the unmasked zero. Error: kInvalidArgument when c has no inverse mod n.
  absl::StatusOr<Ciphertext> MulPlain(const Ciphertext& c, const BigInt& k) const;

  // 1 + n m mod n^2, which anyone can read; m may be negative. For neutral elements and tests.
  Ciphertext EncodeUnmasked(const BigInt& m) const;
  bool IsUnmasked(const Ciphertext& c) const;

  // Big-endian, always ciphertext_bytes() long.
  std::string SerializeCiphertext(const Ciphertext& c) const;
  // Error: kInvalidArgument unless `bytes` has that length and lies in [1, n^2).
  absl::StatusOr<Ciphertext> ParseCiphertext(std::string_view bytes) const;

  // Negative plaintexts live in the upper half: -5 is n - 5.
  BigInt ToSigned(const BigInt& m) const;

 private:
  struct State {
    explicit State(const BigInt& n) : n(n), modulus(n * n) {}
    BigInt n;
    Montgomery modulus;
  };
  explicit PaillierPublicKey(const BigInt& n) : state_(std::make_shared<const State>(n)) {}
  std::shared_ptr<const State> state_;
};

// Neither copyable nor serializable: the key stays in the memory of the process that made it,
// and is overwritten when it goes.
class PaillierPrivateKey {
 public:
  // Two primes of bits/2 bits, both 3 mod 4 and with gcd(p-1, q-1) = 2, so that -x^2 generates
  // the masks that PaillierEncryptor draws from. About 0.1 s at 2048 bits.
  static absl::StatusOr<PaillierPrivateKey> Generate(int bits = kDefaultPaillierBits);
  // Error: kInvalidArgument unless p and q are different primes of one length.
  static absl::StatusOr<PaillierPrivateKey> FromPrimesForTest(BigInt p, BigInt q);

  PaillierPrivateKey(PaillierPrivateKey&&) = default;
  PaillierPrivateKey& operator=(PaillierPrivateKey&&) = default;
  ~PaillierPrivateKey();

  const PaillierPublicKey& public_key() const { return public_key_; }
  // 0 <= m < n, by Chinese remainders. 2.6 ms at 2048 bits.
  BigInt Decrypt(const Ciphertext& c) const;

 private:
  friend class PaillierOwnerEncryptor;
  PaillierPrivateKey(PaillierPublicKey public_key, BigInt p, BigInt q);
  // L(c^(p-1) mod p^2) h mod p with L(x) = (x - 1) / p.
  static BigInt DecryptModPrime(const BigInt& c, const BigInt& p, const BigInt& p_squared,
                                const BigInt& h);

  PaillierPublicKey public_key_;
  BigInt p_, q_, p_squared_, q_squared_, p_inverse_, hp_, hq_;
};

}  // namespace fate::crypto
