// fate_utils.ou: Okamoto and Uchiyama's scheme (spec/federated-algorithms.md 6.5).

#include <pybind11/stl.h>

#include "crypto/encoding/fate_keys.h"
#include "crypto/okamoto_uchiyama/encryptor.h"
#include "crypto/okamoto_uchiyama/private_key.h"
#include "fate_utils/keys.h"
#include "fate_utils/module.h"
#include "fate_utils/packing.h"

namespace fate::python {
namespace {

namespace ou = crypto::okamoto_uchiyama;
using crypto::BigInt;
using crypto::FixedPointNumber;
using crypto::Isa;
using crypto::Parallel;
using crypto::Residues;

struct Ou {
  using PublicKey = ou::PublicKey;
  using PrivateKey = ou::PrivateKey;
  using Encryptor = ou::Encryptor;
  static constexpr bool kHasUnmasked = false;  // not FATE's either

  static std::string Serialize(const PublicKey& key) { return key.Serialize(); }
  static absl::StatusOr<PublicKey> Parse(std::string_view bytes, Isa isa) {
    ASSIGN_OR_RETURN(const crypto::EncodedOuPublicKey key, crypto::ParseOuPublicKey(bytes));
    return PublicKey::Create(key.n, key.g, key.h, isa);
  }
  static absl::StatusOr<std::string> SerializeSecret(const PrivateKey& key) {
    const auto primes = key.ExposePrimes();
    return crypto::SerializeOuSecretKey(
        crypto::EncodedOuSecretKey(primes.p, primes.q, key.public_key().g()));
  }
  static absl::StatusOr<PrivateKey> ParseSecret(std::string_view bytes, Isa isa) {
    ASSIGN_OR_RETURN(const crypto::EncodedOuSecretKey key, crypto::ParseOuSecretKey(bytes));
    return PrivateKey::FromPrimes(key.p, key.q, key.g, isa);
  }
  static bool IsUnmasked(const PublicKey&, const BigInt& ciphertext) {
    return ciphertext == BigInt(1);
  }
};
using Plain = Plaintext<Ou>;
using PlainVector = PlaintextVector<Ou>;

// FATE's has no fields: numbers are whole, not negative, and known to fit when they are encrypted.
struct Coder {};

Plain EncodeU64(const Coder&, uint64_t value) {
  Plain plain;
  mpz_set_ui(plain.number.significand.mpz(), value);
  return plain;
}

template <typename Integer>
PlainVector EncodeVector(const Coder& coder, py::handle array) {
  std::vector<FixedPointNumber> numbers;
  for (Integer value : VectorOf<Integer>(array)) numbers.push_back(EncodeU64(coder, value).number);
  return MakePlaintexts<Ou>(std::move(numbers));
}

// The low bits of the number, as FATE's.
uint64_t DecodeU64(const Coder&, const Plain& plain) {
  BigInt value = plain.number.significand;
  const int32_t digits = plain.number.exponent;
  if (value.BitLength() + int64_t{4} * digits > 128) {
    throw py::value_error("Overflow detected in decrypted number: it has more than 128 bits");
  }
  if (digits >= 0) {
    value <<= 4 * digits;
  } else {
    value >>= static_cast<int>(std::min<int64_t>(-int64_t{4} * digits, 1 << 20));
  }
  return mpz_get_ui(value.mpz());
}

template <typename Integer>
std::vector<Integer> DecodeVector(const Coder& coder, const PlainVector& plain) {
  std::vector<Integer> values;
  for (const FixedPointNumber& number : *plain.numbers) {
    values.push_back(static_cast<Integer>(DecodeU64(coder, {number})));
  }
  return values;
}

void DefineCoder(py::module_ m) {
  py::class_<Coder> c(m, "Coder");
  c.def(py::init<>())
      .def("encode_u64", &EncodeU64, py::arg("data"))
      .def(
          "encode_u32", [](const Coder& c, uint32_t value) { return EncodeU64(c, value); },
          py::arg("data"))
      .def("decode_u64", &DecodeU64, py::arg("data"))
      .def(
          "decode_u32",
          [](const Coder& c, const Plain& p) { return static_cast<uint32_t>(DecodeU64(c, p)); },
          py::arg("data"))
      .def("encode_u64_vec", &EncodeVector<uint64_t>, py::arg("data"))
      .def("encode_u32_vec", &EncodeVector<uint32_t>, py::arg("data"))
      .def("decode_u64_vec", &DecodeVector<uint64_t>, py::arg("data"))
      .def("decode_u32_vec", &DecodeVector<uint32_t>, py::arg("data"));
  DefinePacking<Ou>(c, [](const Coder&) { return crypto::kMaxKeyBits / 3; });
  DefineState(
      c, [](const Coder&) { return ToState(crypto::SerializeOuCoder()); },
      [](py::handle state) {
        ThrowIfError(crypto::ParseOuCoder(FromState(state)));
        return Coder{};
      });
}

py::tuple Keygen(int bit_length) {
  const SK<Ou> sk = MakeSecretKey<Ou>(WithoutLock([&, isa = InstructionSet()](const Parallel&) {
    return ou::PrivateKey::Generate(bit_length, isa);
  }));
  return py::make_tuple(sk, PK<Ou>{sk.key}, Coder{});
}

}  // namespace

void DefineOu(py::module_ m) {
  DefineVectors<Ou>(m);
  DefineKeys<Ou>(m);
  DefineCoder(m);
  m.def("keygen", &Keygen, py::arg("bit_length"),
        "(SK, PK, Coder) of that many bits, 1024 or more.");
}

}  // namespace fate::python
