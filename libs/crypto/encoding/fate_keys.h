#pragma once

// Keys and coders as FATE 2.x pickles them (spec/federated-algorithms.md 6.4, 6.5): the bytes
// that its Python lists of small integers hold. A parser accepts only what is consistent: derived
// fields are computed again and compared, so that what is written after reading is the same.
// Lengths below a policy, primes and factors are the key classes' business.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crypto/big_int.h"

namespace fate::crypto {

// The longest modulus that is read, in bits; a multiplication by it still takes microseconds.
inline constexpr int kMaxEncodedModulusBits = 8192;

// n, n^2, floor(n/2). Error: kInvalidArgument; n is odd and above 2.
std::string SerializePaillierPublicKey(const BigInt& n);
absl::StatusOr<BigInt> ParsePaillierPublicKey(std::string_view bytes);

// n, floor(n/2).
std::string SerializePaillierCoder(const BigInt& n);
absl::StatusOr<BigInt> ParsePaillierCoder(std::string_view bytes);

// Two primes, in rising order. Wiped when it goes.
struct EncodedPrimes {
  EncodedPrimes(BigInt p, BigInt q) : p(std::move(p)), q(std::move(q)) {}
  EncodedPrimes(EncodedPrimes&&) = default;
  EncodedPrimes& operator=(EncodedPrimes&&) = default;
  ~EncodedPrimes();
  BigInt p, q;
};

// p, q, n, p-1, q-1, p^2, q^2, p^-1 mod q, hp, hq. The caller wipes the text. Error:
// kInvalidArgument unless 2 < p < q are odd and share no factor with each other or with the
// other's order.
absl::StatusOr<std::string> SerializePaillierSecretKey(const EncodedPrimes& primes);
absl::StatusOr<EncodedPrimes> ParsePaillierSecretKey(std::string_view bytes);

// n, g, h.
struct EncodedOuPublicKey {
  BigInt n, g, h;
};
std::string SerializeOuPublicKey(const EncodedOuPublicKey& key);
// Error: kInvalidArgument unless n is odd and g and h lie in [1, n).
absl::StatusOr<EncodedOuPublicKey> ParseOuPublicKey(std::string_view bytes);

// p, q, g, p-1. Wiped when it goes.
struct EncodedOuSecretKey {
  EncodedOuSecretKey(BigInt p, BigInt q, BigInt g)
      : p(std::move(p)), q(std::move(q)), g(std::move(g)) {}
  EncodedOuSecretKey(EncodedOuSecretKey&&) = default;
  EncodedOuSecretKey& operator=(EncodedOuSecretKey&&) = default;
  ~EncodedOuSecretKey();
  BigInt p, q, g;
};
std::string SerializeOuSecretKey(const EncodedOuSecretKey& key);
// Error: kInvalidArgument unless p and q are odd, different, above 2, and g in [1, p^2 q).
absl::StatusOr<EncodedOuSecretKey> ParseOuSecretKey(std::string_view bytes);

// FATE's coder of this scheme has no fields.
inline std::string SerializeOuCoder() { return {}; }
absl::Status ParseOuCoder(std::string_view bytes);

}  // namespace fate::crypto
