// fate_utils.paillier (spec/federated-algorithms.md 6.1, 6.2).

#include <pybind11/stl.h>

#include "crypto/encoding/fate_keys.h"
#include "crypto/encoding/vector_encoder.h"
#include "crypto/paillier/encryptor.h"
#include "fate_utils/keys.h"
#include "fate_utils/module.h"
#include "fate_utils/packing.h"

namespace fate::python {
namespace {

namespace paillier = crypto::paillier;
using crypto::BigInt;
using crypto::FixedPointNumber;
using crypto::Isa;
using crypto::Parallel;
using crypto::Residues;

struct Paillier {
  using PublicKey = paillier::PublicKey;
  using PrivateKey = paillier::PrivateKey;
  using Encryptor = paillier::Encryptor;
  static constexpr bool kHasUnmasked = true;

  static std::string Serialize(const PublicKey& key) {
    return crypto::SerializePaillierPublicKey(key.n());
  }
  static absl::StatusOr<PublicKey> Parse(std::string_view bytes, Isa isa) {
    ASSIGN_OR_RETURN(const BigInt n, crypto::ParsePaillierPublicKey(bytes));
    return PublicKey::Create(n, isa);
  }
  static absl::StatusOr<std::string> SerializeSecret(const PrivateKey& key) {
    const auto primes = key.ExposePrimes();
    return crypto::SerializePaillierSecretKey(crypto::EncodedPrimes(primes.p, primes.q));
  }
  static absl::StatusOr<PrivateKey> ParseSecret(std::string_view bytes, Isa isa) {
    ASSIGN_OR_RETURN(const crypto::EncodedPrimes primes, crypto::ParsePaillierSecretKey(bytes));
    return PrivateKey::FromPrimes(primes.p, primes.q, isa);
  }
  static bool IsUnmasked(const PublicKey& key, const BigInt& ciphertext) {
    return ciphertext.Mod(key.n()) == BigInt(1);
  }
};
using Plain = Plaintext<Paillier>;
using PlainVector = PlaintextVector<Paillier>;

struct Coder {
  std::optional<crypto::FixedPointCoder> coder;

  const crypto::FixedPointCoder& get() const {
    if (!coder) throw std::runtime_error("this Coder has no key yet; keygen makes one");
    return *coder;
  }
};

// Floats share one exponent, so that nobody reads their magnitudes (measured against FATE's: each
// its own).
PlainVector EncodeFloats(const Coder& coder, const std::vector<double>& values) {
  if (coder.get().max_int().BitLength() <= 56) {
    throw py::value_error("the key is too short for floats");
  }
  const crypto::EncodedVector encoded = ValueOrThrow(crypto::EncodeByMaximum(values));
  std::vector<FixedPointNumber> numbers;
  for (int64_t significand : encoded.significands) {
    numbers.push_back({BigInt(significand), encoded.exponent});
  }
  return MakePlaintexts<Paillier>(std::move(numbers));
}

template <typename Integer>
PlainVector EncodeIntegers(const Coder& coder, py::handle array) {
  std::vector<FixedPointNumber> numbers;
  for (Integer value : VectorOf<Integer>(array)) {
    numbers.push_back(ValueOrThrow(coder.get().EncodeInt64(value)));
  }
  return MakePlaintexts<Paillier>(std::move(numbers));
}

template <typename T>
std::vector<T> Decode(const Coder& coder, const PlainVector& plain,
                      absl::StatusOr<T> (crypto::FixedPointCoder::*decode)(const FixedPointNumber&)
                          const) {
  std::vector<T> values;
  for (const FixedPointNumber& number : *plain.numbers) {
    values.push_back(ValueOrThrow((coder.get().*decode)(number)));
  }
  return values;
}

void DefineCoder(py::module_ m) {
  using C = crypto::FixedPointCoder;
  py::class_<Coder> c(m, "Coder");
  c.def(py::init<>())
      .def(
          "encode_f64",
          [](const Coder& c, double x) { return Plain{ValueOrThrow(c.get().EncodeDouble(x))}; },
          py::arg("data"))
      .def(
          "encode_f32",
          [](const Coder& c, double x) {
            return Plain{ValueOrThrow(c.get().EncodeDouble(static_cast<float>(x)))};
          },
          py::arg("data"))
      .def(
          "encode_i64",
          [](const Coder& c, int64_t x) { return Plain{ValueOrThrow(c.get().EncodeInt64(x))}; },
          py::arg("data"))
      .def(
          "encode_i32",
          [](const Coder& c, int32_t x) { return Plain{ValueOrThrow(c.get().EncodeInt64(x))}; },
          py::arg("data"))
      .def(
          "decode_f64",
          [](const Coder& c, const Plain& p) {
            return ValueOrThrow(c.get().DecodeDouble(p.number));
          },
          py::arg("data"))
      .def(
          "decode_f32",
          [](const Coder& c, const Plain& p) {
            return ValueOrThrow(c.get().DecodeFloat(p.number));
          },
          py::arg("data"))
      .def(
          "decode_i64",
          [](const Coder& c, const Plain& p) {
            return ValueOrThrow(c.get().DecodeInt64(p.number));
          },
          py::arg("data"))
      .def(
          "decode_i32",
          [](const Coder& c, const Plain& p) {
            return ValueOrThrow(c.get().DecodeInt32(p.number));
          },
          py::arg("data"))
      .def(
          "encode_f64_vec",
          [](const Coder& c, py::handle data) { return EncodeFloats(c, VectorOf<double>(data)); },
          py::arg("data"))
      .def(
          "encode_f32_vec",
          [](const Coder& c, py::handle data) {
            const std::vector<float> floats = VectorOf<float>(data);
            return EncodeFloats(c, {floats.begin(), floats.end()});
          },
          py::arg("data"))
      .def("encode_i64_vec", &EncodeIntegers<int64_t>, py::arg("data"))
      .def("encode_i32_vec", &EncodeIntegers<int32_t>, py::arg("data"))
      .def(
          "decode_f64_vec",
          [](const Coder& c, const PlainVector& p) {
            return ToNumpy(Decode(c, p, &C::DecodeDouble));
          },
          py::arg("data"))
      .def(
          "decode_f32_vec",
          [](const Coder& c, const PlainVector& p) {
            return ToNumpy(Decode(c, p, &C::DecodeFloat));
          },
          py::arg("data"))
      .def(
          "decode_i64_vec",
          [](const Coder& c, const PlainVector& p) { return Decode(c, p, &C::DecodeInt64); },
          py::arg("data"))
      .def(
          "decode_i32_vec",
          [](const Coder& c, const PlainVector& p) { return Decode(c, p, &C::DecodeInt32); },
          py::arg("data"));
  DefinePacking<Paillier>(c, [](const Coder& c) { return c.get().n().BitLength() - 1; });
  DefineState(
      c, [](const Coder& c) { return ToState(crypto::SerializePaillierCoder(c.get().n())); },
      [](py::handle state) {
        return Coder{
            crypto::FixedPointCoder(ValueOrThrow(crypto::ParsePaillierCoder(FromState(state))))};
      });
}

py::tuple Keygen(int bit_length) {
  const std::string warning = paillier::WeakKeyWarning(bit_length);
  ThrowIfError(paillier::CheckKeyBits(bit_length));
  if (!warning.empty() && PyErr_WarnEx(PyExc_UserWarning, warning.c_str(), 1) != 0) {
    throw py::error_already_set();
  }
  const SK<Paillier> sk =
      MakeSecretKey<Paillier>(WithoutLock([&, isa = InstructionSet()](const Parallel&) {
        return paillier::PrivateKey::Generate(bit_length, isa);
      }));
  const Coder coder{crypto::FixedPointCoder(sk.key->public_key().n())};
  return py::make_tuple(sk, PK<Paillier>{sk.key}, coder);
}

}  // namespace

void DefinePaillier(py::module_ m) {
  DefineVectors<Paillier>(m);
  DefineKeys<Paillier>(m);
  DefineCoder(m);
  m.def("keygen", &Keygen, py::arg("bit_length"),
        "(SK, PK, Coder) of that many bits, 1024 or more.");
}

}  // namespace fate::python
