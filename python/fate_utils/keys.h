#pragma once

// Keys of both schemes, which are built alike: `Scheme` names the classes of the library and how
// FATE writes them.
//
//   struct Scheme {
//     using PublicKey, PrivateKey, Encryptor;
//     static std::string Serialize(const PublicKey&);                  what FATE pickles
//     static absl::StatusOr<PublicKey> Parse(std::string_view, Isa);
//     static absl::StatusOr<std::string> SerializeSecret(const PrivateKey&);
//     static absl::StatusOr<PrivateKey> ParseSecret(std::string_view, Isa);
//     static constexpr bool kHasUnmasked;       whether PublicKey has EncodeUnmasked for FATE's use
//     static bool IsUnmasked(const PublicKey&, const BigInt& ciphertext);
//   };

#include <openssl/crypto.h>

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fate_utils/key_registry.h"
#include "fate_utils/vectors.h"

namespace fate::python {

// A private key with the tables of its owner's faster encryption.
template <typename Scheme>
class Owner {
 public:
  explicit Owner(typename Scheme::PrivateKey key) : key_(std::move(key)) {}
  const typename Scheme::PrivateKey& key() const { return key_; }
  const typename Scheme::Encryptor& encryptor() const {
    std::call_once(once_, [this] { encryptor_.emplace(Scheme::Encryptor::ForOwner(key_)); });
    return *encryptor_;
  }

 private:
  typename Scheme::PrivateKey key_;
  mutable std::once_flag once_;
  mutable std::optional<typename Scheme::Encryptor> encryptor_;
};

// A public key; as long as the private one lives in this process, it encrypts as the owner does.
template <typename Scheme>
class SchemeKey : public Key {
 public:
  explicit SchemeKey(typename Scheme::PublicKey key) : key_(std::move(key)) {}
  const typename Scheme::PublicKey& public_key() const { return key_; }
  void SetOwner(const std::shared_ptr<const Owner<Scheme>>& owner) {
    const std::lock_guard lock(mutex_);
    owner_ = owner;
  }

  const std::shared_ptr<const crypto::Ring>& ring() const override { return key_.ring(); }
  absl::StatusOr<crypto::Residues> Encrypt(std::span<const crypto::BigInt> significands,
                                           bool masked,
                                           const crypto::Parallel& parallel) const override {
    if constexpr (Scheme::kHasUnmasked) {
      if (!masked) return key_.EncodeUnmasked(significands, parallel);
    }
    if (const auto owner = LivingOwner()) return owner->encryptor().Encrypt(significands, parallel);
    return encryptor().Encrypt(significands, parallel);
  }
  absl::Status Rerandomize(crypto::Residues& ciphertexts,
                           const crypto::Parallel& parallel) const override {
    if (const auto owner = LivingOwner()) {
      return owner->encryptor().Rerandomize(ciphertexts, parallel);
    }
    return encryptor().Rerandomize(ciphertexts, parallel);
  }
  bool IsUnmasked(const crypto::BigInt& ciphertext) const override {
    return Scheme::IsUnmasked(key_, ciphertext);
  }

 private:
  std::shared_ptr<const Owner<Scheme>> LivingOwner() const {
    const std::lock_guard lock(mutex_);
    return owner_.lock();
  }
  const typename Scheme::Encryptor& encryptor() const {
    std::call_once(once_, [this] { encryptor_.emplace(key_); });
    return *encryptor_;
  }

  typename Scheme::PublicKey key_;
  mutable std::mutex mutex_;
  std::weak_ptr<const Owner<Scheme>> owner_;
  mutable std::once_flag once_;
  mutable std::optional<typename Scheme::Encryptor> encryptor_;
};

template <typename Scheme>
std::shared_ptr<SchemeKey<Scheme>> Registered(const typename Scheme::PublicKey& public_key) {
  auto& registry = KeyRegistry<SchemeKey<Scheme>>::Global();
  const std::string bytes = Scheme::Serialize(public_key);
  auto key = registry.Find(bytes);
  if (key == nullptr) {
    key = std::make_shared<SchemeKey<Scheme>>(public_key);
    registry.Add(bytes, key);
  }
  return key;
}

template <typename Scheme>
PK<Scheme> ParsePublicKey(py::handle state) {
  const std::string bytes = FromState(state);
  if (auto key = KeyRegistry<SchemeKey<Scheme>>::Global().Find(bytes)) return {key};
  return {Registered<Scheme>(WithoutLock(
      [&, isa = InstructionSet()](const crypto::Parallel&) { return Scheme::Parse(bytes, isa); }))};
}

// A private key in Python; null until its state is set.
template <typename Scheme>
struct SK {
  std::shared_ptr<const Owner<Scheme>> owner;
  std::shared_ptr<const SchemeKey<Scheme>> key;

  const typename Scheme::PrivateKey& get() const {
    if (owner == nullptr) throw std::runtime_error("this SK has no key yet; keygen makes one");
    return owner->key();
  }
};

template <typename Scheme>
SK<Scheme> MakeSecretKey(typename Scheme::PrivateKey private_key) {
  const auto key = Registered<Scheme>(private_key.public_key());
  auto owner = std::make_shared<const Owner<Scheme>>(std::move(private_key));
  key->SetOwner(owner);
  return {owner, key};
}

template <typename Scheme>
py::list SecretState(const SK<Scheme>& sk) {
  std::string bytes = ValueOrThrow(Scheme::SerializeSecret(sk.get()));
  py::list state = ToState(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return state;
}

template <typename Scheme>
SK<Scheme> ParseSecretKey(py::handle state) {
  std::string bytes = FromState(state);
  auto key = WithoutLock([&, isa = InstructionSet()](const crypto::Parallel&) {
    return Scheme::ParseSecret(bytes, isa);
  });
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return MakeSecretKey<Scheme>(std::move(key));
}

template <typename Scheme>
std::vector<crypto::FixedPointNumber> Decrypt(const SK<Scheme>& sk,
                                              const CiphertextVector& ciphertexts) {
  const auto& key = sk.get();
  const CiphertextVector::Shared bound = ciphertexts.BoundTo(sk.key);
  return NumbersOf(bound->vector(), WithoutLock([&](const crypto::Parallel& parallel) {
                     return key.Decrypt(bound->vector().ciphertexts(), parallel);
                   }));
}

template <typename Scheme>
void DefinePublicKey(py::class_<PK<Scheme>>& c) {
  using K = PK<Scheme>;
  const auto encrypt = [](const K& pk, const std::vector<crypto::FixedPointNumber>& numbers,
                          bool obfuscate) {
    return Vector<Scheme>(WithoutLock([&, key = pk.get()](const crypto::Parallel& parallel) {
      return Ciphertexts::Encrypt(key, numbers, obfuscate, parallel);
    }));
  };
  c.def(
       "encrypt_encoded",
       [=](const K& pk, const PlaintextVector<Scheme>& numbers, bool obfuscate) {
         return encrypt(pk, *numbers.numbers, obfuscate);
       },
       py::arg("plaintext_vector"), py::arg("obfuscate"),
       "Masked; without `obfuscate` the mask comes when the ciphertexts leave this process.")
      .def(
          "encrypt_encoded_scalar",
          [=](const K& pk, const Plaintext<Scheme>& number, bool obfuscate) {
            return Scalar<Scheme>{encrypt(pk, {number.number}, obfuscate)};
          },
          py::arg("plaintext"), py::arg("obfuscate"));
}

template <typename Scheme>
void DefineKeys(py::module_ m) {
  using P = PK<Scheme>;
  using S = SK<Scheme>;
  py::class_<P> pk(m, "PK");
  pk.def(py::init<>());
  DefinePublicKey<Scheme>(pk);
  DefineState(
      pk,
      [](const P& k) {
        return ToState(
            Scheme::Serialize(static_cast<const SchemeKey<Scheme>&>(*k.get()).public_key()));
      },
      &ParsePublicKey<Scheme>);

  py::class_<S> sk(m, "SK");
  sk.def(py::init<>())
      .def(
          "decrypt_to_encoded",
          [](const S& k, const Vector<Scheme>& data) {
            return MakePlaintexts<Scheme>(Decrypt(k, data));
          },
          py::arg("data"))
      .def(
          "decrypt_to_encoded_scalar",
          [](const S& k, const Scalar<Scheme>& data) {
            return Plaintext<Scheme>{Decrypt(k, data.vector)[0]};
          },
          py::arg("data"));
  DefineState(sk, &SecretState<Scheme>, &ParseSecretKey<Scheme>);
}

}  // namespace fate::python
