#include "crypto/encoding/fate_keys.h"

#include <array>

#include "base/status.h"
#include "crypto/encoding/bincode.h"

namespace fate::crypto {
namespace {

constexpr int kMaxSquareBits = 2 * kMaxEncodedModulusBits;

absl::StatusOr<BigInt> ReadModulus(BincodeReader& reader) {
  ASSIGN_OR_RETURN(BigInt n, reader.Big("the modulus n", kMaxEncodedModulusBits));
  if (n.IsOdd() && n > BigInt(2)) return n;
  return InvalidArgumentError("the modulus n of {} bits is no product of odd primes",
                              n.BitLength());
}

// A field that follows from others.
absl::Status ReadDerived(BincodeReader& reader, std::string_view field, const BigInt& expected) {
  ASSIGN_OR_RETURN(BigInt value, reader.Big(field, kMaxSquareBits));
  const bool equal = value == expected;
  value.Wipe();
  if (equal) return absl::OkStatus();
  return InvalidArgumentError("{} does not fit the key's other fields", field);
}

absl::StatusOr<BigInt> ReadPrime(BincodeReader& reader, std::string_view field) {
  ASSIGN_OR_RETURN(BigInt prime, reader.Big(field, kMaxEncodedModulusBits));
  if (prime.IsOdd() && prime > BigInt(2)) return prime;
  return InvalidArgumentError("{} of {} bits is no odd prime", field, prime.BitLength());
}

// What FATE keeps beside p and q. Wiped when it goes.
struct PaillierDerived {
  static constexpr std::array<std::string_view, 8> kNames = {"n",   "p - 1",      "q - 1", "p^2",
                                                             "q^2", "p^-1 mod q", "hp",    "hq"};
  std::array<BigInt, 8> fields;
  ~PaillierDerived() {
    for (BigInt& field : fields) field.Wipe();
  }
};

absl::StatusOr<PaillierDerived> Derive(const EncodedPrimes& primes) {
  const BigInt &p = primes.p, &q = primes.q;
  if (!p.IsOdd() || !q.IsOdd() || p <= BigInt(2) || p >= q) {
    return InvalidArgumentError("the primes p and q are not odd and in rising order");
  }
  ASSIGN_OR_RETURN(BigInt p_inverse, p.InverseMod(q));
  // L(g^(p-1) mod p^2) is -q mod p for g = n + 1: of (1 + n)^(p-1) the binomial leaves 1 - n.
  ASSIGN_OR_RETURN(BigInt hp, (-q).InverseMod(p));
  ASSIGN_OR_RETURN(BigInt hq, (-p).InverseMod(q));
  return PaillierDerived{
      {p * q, p - 1, q - 1, p * p, q * q, std::move(p_inverse), std::move(hp), std::move(hq)}};
}

}  // namespace

EncodedPrimes::~EncodedPrimes() {
  p.Wipe();
  q.Wipe();
}

EncodedOuSecretKey::~EncodedOuSecretKey() {
  p.Wipe();
  q.Wipe();
  g.Wipe();
}

std::string SerializePaillierPublicKey(const BigInt& n) {
  BincodeWriter writer;
  writer.Big(n);
  writer.Big(n * n);
  writer.Big(n / BigInt(2));
  return writer.Take();
}

absl::StatusOr<BigInt> ParsePaillierPublicKey(std::string_view bytes) {
  BincodeReader reader(bytes);
  ASSIGN_OR_RETURN(BigInt n, ReadModulus(reader));
  RETURN_IF_ERROR(ReadDerived(reader, "n^2", n * n));
  RETURN_IF_ERROR(ReadDerived(reader, "max_int", n / BigInt(2)));
  RETURN_IF_ERROR(reader.ExpectEnd());
  return n;
}

std::string SerializePaillierCoder(const BigInt& n) {
  BincodeWriter writer;
  writer.Big(n);
  writer.Big(n / BigInt(2));
  return writer.Take();
}

absl::StatusOr<BigInt> ParsePaillierCoder(std::string_view bytes) {
  BincodeReader reader(bytes);
  ASSIGN_OR_RETURN(BigInt n, ReadModulus(reader));
  RETURN_IF_ERROR(ReadDerived(reader, "max_int", n / BigInt(2)));
  RETURN_IF_ERROR(reader.ExpectEnd());
  return n;
}

absl::StatusOr<std::string> SerializePaillierSecretKey(const EncodedPrimes& primes) {
  ASSIGN_OR_RETURN(const PaillierDerived derived, Derive(primes));
  BincodeWriter writer;
  writer.Big(primes.p);
  writer.Big(primes.q);
  for (const BigInt& field : derived.fields) writer.Big(field);
  return writer.Take();
}

absl::StatusOr<EncodedPrimes> ParsePaillierSecretKey(std::string_view bytes) {
  BincodeReader reader(bytes);
  ASSIGN_OR_RETURN(BigInt p, ReadPrime(reader, "the prime p"));
  ASSIGN_OR_RETURN(BigInt q, ReadPrime(reader, "the prime q"));
  EncodedPrimes primes(std::move(p), std::move(q));
  ASSIGN_OR_RETURN(const PaillierDerived derived, Derive(primes));
  for (size_t i = 0; i < derived.fields.size(); ++i) {
    RETURN_IF_ERROR(ReadDerived(reader, PaillierDerived::kNames[i], derived.fields[i]));
  }
  RETURN_IF_ERROR(reader.ExpectEnd());
  return primes;
}

std::string SerializeOuPublicKey(const EncodedOuPublicKey& key) {
  BincodeWriter writer;
  for (const BigInt* field : {&key.n, &key.g, &key.h}) writer.Big(*field);
  return writer.Take();
}

absl::StatusOr<EncodedOuPublicKey> ParseOuPublicKey(std::string_view bytes) {
  BincodeReader reader(bytes);
  EncodedOuPublicKey key;
  ASSIGN_OR_RETURN(key.n, ReadModulus(reader));
  ASSIGN_OR_RETURN(key.g, reader.Big("the base g", kMaxEncodedModulusBits));
  ASSIGN_OR_RETURN(key.h, reader.Big("the base h", kMaxEncodedModulusBits));
  RETURN_IF_ERROR(reader.ExpectEnd());
  for (const BigInt* base : {&key.g, &key.h}) {
    if (*base < BigInt(1) || *base >= key.n) {
      return InvalidArgumentError(
          "the bases g and h of a key lie in [1, n); one of {} bits does not", base->BitLength());
    }
  }
  return key;
}

std::string SerializeOuSecretKey(const EncodedOuSecretKey& key) {
  BincodeWriter writer;
  writer.Big(key.p);
  writer.Big(key.q);
  writer.Big(key.g);
  writer.Big(key.p - 1);
  return writer.Take();
}

absl::StatusOr<EncodedOuSecretKey> ParseOuSecretKey(std::string_view bytes) {
  BincodeReader reader(bytes);
  ASSIGN_OR_RETURN(BigInt p, ReadPrime(reader, "the prime p"));
  ASSIGN_OR_RETURN(BigInt q, ReadPrime(reader, "the prime q"));
  ASSIGN_OR_RETURN(BigInt g, reader.Big("the base g", kMaxEncodedModulusBits));
  EncodedOuSecretKey key(std::move(p), std::move(q), std::move(g));
  RETURN_IF_ERROR(ReadDerived(reader, "p - 1", key.p - 1));
  RETURN_IF_ERROR(reader.ExpectEnd());
  if (key.p != key.q && key.g >= BigInt(1) && key.g < key.p * key.p * key.q) return key;
  return InvalidArgumentError("the fields p, q and g do not make a key");
}

absl::Status ParseOuCoder(std::string_view bytes) { return BincodeReader(bytes).ExpectEnd(); }

}  // namespace fate::crypto
