// fate_utils.paillier (spec/federated-algorithms.md 6.1, 6.2).

#include <openssl/crypto.h>
#include <pybind11/stl.h>

#include <mutex>

#include "crypto/encoding/fate_keys.h"
#include "crypto/encoding/vector_encoder.h"
#include "crypto/paillier/encryptor.h"
#include "fate_utils/key_registry.h"
#include "fate_utils/module.h"
#include "fate_utils/scheme.h"

namespace fate::python {
namespace {

namespace paillier = crypto::paillier;
using crypto::BigInt;
using crypto::FixedPointNumber;
using crypto::Parallel;
using crypto::Residues;

// A private key with the tables of its owner's faster encryption.
class Owner {
 public:
  explicit Owner(paillier::PrivateKey key) : key_(std::move(key)) {}
  const paillier::PrivateKey& key() const { return key_; }
  const paillier::Encryptor& encryptor() const {
    std::call_once(once_, [this] { encryptor_ = paillier::Encryptor::ForOwner(key_); });
    return *encryptor_;
  }

 private:
  paillier::PrivateKey key_;
  mutable std::once_flag once_;
  mutable std::optional<paillier::Encryptor> encryptor_;
};

class PaillierKey : public Key {
 public:
  explicit PaillierKey(paillier::PublicKey key) : key_(std::move(key)) {}
  const paillier::PublicKey& public_key() const { return key_; }
  // As long as the owner's key lives, encryption uses it.
  void SetOwner(const std::shared_ptr<const Owner>& owner) {
    const std::lock_guard lock(mutex_);
    owner_ = owner;
  }

  const std::shared_ptr<const crypto::Ring>& ring() const override { return key_.ring(); }
  absl::StatusOr<Residues> Encrypt(std::span<const BigInt> significands, bool masked,
                                   const Parallel& parallel) const override {
    if (!masked) return key_.EncodeUnmasked(significands, parallel);
    if (const auto owner = OwnerIfAlive())
      return owner->encryptor().Encrypt(significands, parallel);
    return encryptor().Encrypt(significands, parallel);
  }
  absl::Status Rerandomize(Residues& ciphertexts, const Parallel& parallel) const override {
    if (const auto owner = OwnerIfAlive())
      return owner->encryptor().Rerandomize(ciphertexts, parallel);
    return encryptor().Rerandomize(ciphertexts, parallel);
  }
  bool IsUnmasked(const BigInt& ciphertext) const override {
    return ciphertext.Mod(key_.n()) == BigInt(1);
  }

 private:
  std::shared_ptr<const Owner> OwnerIfAlive() const {
    const std::lock_guard lock(mutex_);
    return owner_.lock();
  }
  const paillier::Encryptor& encryptor() const {
    std::call_once(once_, [this] { encryptor_.emplace(key_); });
    return *encryptor_;
  }

  paillier::PublicKey key_;
  mutable std::mutex mutex_;
  std::weak_ptr<const Owner> owner_;
  mutable std::once_flag once_;
  mutable std::optional<paillier::Encryptor> encryptor_;
};

struct PaillierTag {
  using Key = PaillierKey;
};
using PK = PublicKey<PaillierTag>;
using Plain = Plaintext<PaillierTag>;
using PlainVector = PlaintextVector<PaillierTag>;

std::shared_ptr<PaillierKey> Registered(const paillier::PublicKey& public_key) {
  auto& registry = KeyRegistry<PaillierKey>::Global();
  const std::string bytes = crypto::SerializePaillierPublicKey(public_key.n());
  std::shared_ptr<PaillierKey> key = registry.Find(bytes);
  if (key == nullptr) {
    key = std::make_shared<PaillierKey>(public_key);
    registry.Add(bytes, key);
  }
  return key;
}

PK ParsePublicKey(py::handle state) {
  const std::string bytes = FromState(state);
  if (auto key = KeyRegistry<PaillierKey>::Global().Find(bytes)) return {key};
  const BigInt n = ValueOrThrow(crypto::ParsePaillierPublicKey(bytes));
  return {Registered(ValueOrThrow(paillier::PublicKey::Create(n)))};
}

struct SK {
  std::shared_ptr<const Owner> owner;
  std::shared_ptr<const PaillierKey> key;

  const paillier::PrivateKey& get() const {
    if (owner == nullptr) throw std::runtime_error("this SK has no key yet; keygen makes one");
    return owner->key();
  }
};

SK MakeSecretKey(paillier::PrivateKey private_key) {
  const std::shared_ptr<PaillierKey> key = Registered(private_key.public_key());
  auto owner = std::make_shared<const Owner>(std::move(private_key));
  key->SetOwner(owner);
  return {owner, key};
}

py::list SecretState(const SK& sk) {
  const auto primes = sk.get().ExposePrimes();
  std::string bytes =
      ValueOrThrow(crypto::SerializePaillierSecretKey(crypto::EncodedPrimes(primes.p, primes.q)));
  py::list state = ToState(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return state;
}

SK ParseSecretKey(py::handle state) {
  std::string bytes = FromState(state);
  auto primes = crypto::ParsePaillierSecretKey(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  ThrowIfError(primes.status());
  return MakeSecretKey(WithoutLock(
      [&](const Parallel&) { return paillier::PrivateKey::FromPrimes(primes->p, primes->q); }));
}

std::vector<FixedPointNumber> Decrypt(const SK& sk, const CiphertextVector& ciphertexts) {
  const paillier::PrivateKey& key = sk.get();
  const CiphertextVector::Shared bound = ciphertexts.BoundTo(sk.key);
  return NumbersOf(bound->vector(), WithoutLock([&](const Parallel& parallel) {
                     return key.Decrypt(bound->vector().ciphertexts(), parallel);
                   }));
}

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
  return MakePlaintexts<PaillierTag>(std::move(numbers));
}

template <typename Integer>
PlainVector EncodeIntegers(const Coder& coder, py::handle array) {
  std::vector<FixedPointNumber> numbers;
  for (Integer value : VectorOf<Integer>(array)) {
    numbers.push_back(ValueOrThrow(coder.get().EncodeInt64(value)));
  }
  return MakePlaintexts<PaillierTag>(std::move(numbers));
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
  DefinePacking<PaillierTag>(c, [](const Coder& c) { return c.get().n().BitLength() - 1; });
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
  const SK sk = MakeSecretKey(
      WithoutLock([&](const Parallel&) { return paillier::PrivateKey::Generate(bit_length); }));
  const Coder coder{crypto::FixedPointCoder(sk.key->public_key().n())};
  return py::make_tuple(sk, PK{sk.key}, coder);
}

}  // namespace

void DefinePaillier(py::module_ m) {
  DefineVectors<PaillierTag>(m);
  py::class_<PK> pk(m, "PK");
  pk.def(py::init<>());
  DefinePublicKeyMethods<PaillierTag>(pk);
  DefineState(
      pk,
      [](const PK& k) {
        return ToState(crypto::SerializePaillierPublicKey(k.get()->public_key().n()));
      },
      &ParsePublicKey);

  py::class_<SK> sk(m, "SK");
  sk.def(py::init<>())
      .def(
          "decrypt_to_encoded",
          [](const SK& k, const Vector<PaillierTag>& data) {
            return MakePlaintexts<PaillierTag>(Decrypt(k, data));
          },
          py::arg("data"))
      .def(
          "decrypt_to_encoded_scalar",
          [](const SK& k, const Scalar<PaillierTag>& data) {
            return Plain{Decrypt(k, data.vector)[0]};
          },
          py::arg("data"));
  DefineState(sk, &SecretState, &ParseSecretKey);

  DefineCoder(m);
  m.def("keygen", &Keygen, py::arg("bit_length"),
        "(SK, PK, Coder) of that many bits, 1024 or more.");
}

}  // namespace fate::python
