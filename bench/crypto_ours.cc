#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "crypto/curve/curve25519.h"
#include "crypto/homomorphic/ciphertexts.h"
#include "crypto/okamoto_uchiyama/encryptor.h"
#include "crypto/okamoto_uchiyama/private_key.h"
#include "crypto/paillier/encryptor.h"
#include "crypto/paillier/private_key.h"
#include "crypto/random.h"
#include "crypto_case.h"

// Operands are what they are between the operations of an algorithm: ciphertexts in the ring's own
// form, plaintexts as integers. Results are of the same form.

namespace fate::bench {
namespace {

namespace paillier = crypto::paillier;
namespace ou = crypto::okamoto_uchiyama;
using crypto::BigInt;
using crypto::Isa;
using crypto::Residues;

template <typename T>
T ValueOf(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "crypto_speed: %s\n", result.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(result);
}

std::vector<BigInt> Integers(size_t count, int bits, bool negative = false) {
  std::vector<BigInt> integers;
  for (size_t i = 0; i < count; ++i) {
    const BigInt integer = BigInt::PowerOfTwo(bits - 1) + crypto::Random::Bits(bits - 1);
    integers.push_back(negative ? -integer : integer);
  }
  return integers;
}

constexpr size_t kCount = 256;  // ciphertexts of a batch

// A key, and random ciphertexts of it.
struct Paillier {
  Paillier(int bits, Isa isa)
      : key(ValueOf(paillier::PrivateKey::Generate(bits, isa))),
        as_public(key.public_key()),
        as_public_short(key.public_key(), paillier::MaskStrength::kShort),
        as_owner(paillier::Encryptor::ForOwner(key)),
        plaintexts(Integers(kCount, 53)),
        ciphertexts(ValueOf(as_public.Encrypt(plaintexts))) {}

  // `count` different elements, without as many encryptions.
  Residues Many(size_t count) const {
    Residues many = ciphertexts;
    while (many.size() < count) {
      const Residues shifted = ValueOf(crypto::Add(many, ValueOf(crypto::Slice(many, 0, 1))));
      const Residues* parts[] = {&many, &shifted};
      many = ValueOf(crypto::Concatenate(parts));
    }
    return ValueOf(crypto::Slice(many, 0, count));
  }

  paillier::PrivateKey key;
  paillier::Encryptor as_public, as_public_short, as_owner;
  std::vector<BigInt> plaintexts;
  Residues ciphertexts;
};
using PaillierPointer = std::shared_ptr<const Paillier>;

// A key whose masks come from a subgroup.
struct SubgroupPaillier {
  SubgroupPaillier(int bits, Isa isa)
      : key(ValueOf(paillier::PrivateKey::GenerateSubgroup(bits, isa))),
        as_owner(paillier::Encryptor::ForOwner(key)),
        plaintexts(Integers(kCount, 53)),
        ciphertexts(ValueOf(as_owner.Encrypt(plaintexts))) {}

  paillier::PrivateKey key;
  paillier::Encryptor as_owner;
  std::vector<BigInt> plaintexts;
  Residues ciphertexts;
};

template <class Pointer>
Work Encrypt(const Pointer& p, const paillier::Encryptor& encryptor) {
  return {[=, &encryptor] { ValueOf(encryptor.Encrypt(p->plaintexts)); }, kCount};
}

template <class Pointer>
Work Decrypt(const Pointer& p) {
  return {[=] { ValueOf(p->key.Decrypt(p->ciphertexts)); }, kCount};
}

Work Add(const PaillierPointer& p) {
  return {[=, a = p->Many(1024)] { ValueOf(crypto::Add(a, a)); }, 1024};
}

// From the ring's form to bytes and back: what a ciphertext costs that travels.
Work Travel(const PaillierPointer& p) {
  return {[=] {
            ValueOf(crypto::Parse(p->key.public_key().ring(), crypto::Serialize(p->ciphertexts)));
          },
          kCount};
}

Work Multiply(const PaillierPointer& p, int bits, bool negative) {
  const auto factors = std::make_shared<crypto::Multipliers>(Integers(kCount, bits, negative));
  return {[=] { ValueOf(crypto::MultiplyPlain(p->ciphertexts, *factors)); }, kCount};
}

Work WeightedSum(const PaillierPointer& p, size_t terms, int bits) {
  const auto weights = std::make_shared<crypto::Multipliers>(Integers(terms, bits));
  return {[=, a = p->Many(terms)] { ValueOf(crypto::WeightedSum(a, *weights)); },
          static_cast<double>(terms)};
}

// 100k ciphertexts into 32 bins of each of 30 features.
Work Histogram(const PaillierPointer& p) {
  constexpr size_t kRows = 100'000, kFeatures = 30, kBins = 32;
  std::vector<int32_t> bins(kRows * kFeatures);
  for (int32_t& bin : bins) bin = static_cast<int32_t>(crypto::Random::Uint64() % kBins);
  return {[=, a = p->Many(kRows), bins = std::move(bins)] {
            ValueOf(crypto::Histogram(a, bins, kFeatures, kBins));
          },
          kRows * kFeatures};
}

// Encryption as before, but on a pool.
Work Threads(const PaillierPointer& p, int threads) {
  const auto pool = std::make_shared<crypto::WorkerPool>(threads);
  return {[=] { ValueOf(p->as_public.Encrypt(p->plaintexts, *pool)); }, kCount};
}

struct Ou {
  explicit Ou(Isa isa)
      : key(ValueOf(ou::PrivateKey::Generate(2048, isa))),
        full(key.public_key()),
        owner(ou::Encryptor::ForOwner(key)),
        encryptor(key.public_key(), ou::MaskStrength::kShort),
        plaintexts(Integers(kCount, 31)),
        ciphertexts(ValueOf(encryptor.Encrypt(plaintexts))) {}

  ou::PrivateKey key;
  ou::Encryptor full, owner, encryptor;
  std::vector<BigInt> plaintexts;
  Residues ciphertexts;
};
using OuPointer = std::shared_ptr<const Ou>;

Work OuEncrypt(const OuPointer& o, const ou::Encryptor& encryptor) {
  return {[=, &encryptor] { ValueOf(encryptor.Encrypt(o->plaintexts)); }, kCount};
}

Work OuDecrypt(const OuPointer& o) {
  return {[=] { ValueOf(o->key.Decrypt(o->ciphertexts)); }, kCount};
}

Work OuAdd(const OuPointer& o) {
  return {[=] { ValueOf(crypto::Add(o->ciphertexts, o->ciphertexts)); }, kCount};
}

Work Psi(Isa isa) {
  std::vector<std::string> ids(1024);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = std::to_string(13800000000 + i);
  const auto secret = std::make_shared<crypto::PsiSecret>(crypto::PsiSecret::Random().bytes(), isa);
  return {[=] {
            const std::vector<std::string_view> views(ids.begin(), ids.end());
            secret->SecondSign(secret->FirstSign(views));
          },
          static_cast<double>(ids.size())};
}

void AddPaillierCases(int bits, Isa isa, Cases& cases) {
  const auto p = [=] {
    static std::map<int, PaillierPointer> keys;
    PaillierPointer& key = keys[bits];
    if (!key) key = std::make_shared<const Paillier>(bits, isa);
    return key;
  };
  const std::string prefix = "paillier_" + std::to_string(bits) + "_";
  cases[prefix + "encrypt_public"] = [=] { return Encrypt(p(), p()->as_public); };
  cases[prefix + "encrypt_short"] = [=] { return Encrypt(p(), p()->as_public_short); };
  cases[prefix + "encrypt_owner"] = [=] { return Encrypt(p(), p()->as_owner); };
  cases[prefix + "decrypt"] = [=] { return Decrypt(p()); };
  const auto subgroup = [=] {
    static std::map<int, std::shared_ptr<const SubgroupPaillier>> keys;
    auto& key = keys[bits];
    if (!key) key = std::make_shared<const SubgroupPaillier>(bits, isa);
    return key;
  };
  cases[prefix + "encrypt_owner_subgroup"] = [=] {
    return Encrypt(subgroup(), subgroup()->as_owner);
  };
  cases[prefix + "decrypt_subgroup"] = [=] { return Decrypt(subgroup()); };
  cases[prefix + "add"] = [=] { return Add(p()); };
  cases[prefix + "bytes_out_and_in"] = [=] { return Travel(p()); };
  cases[prefix + "mul_24bit"] = [=] { return Multiply(p(), 23, false); };
  cases[prefix + "mul_53bit"] = [=] { return Multiply(p(), 53, false); };
  cases[prefix + "mul_negative"] = [=] { return Multiply(p(), 23, true); };
  cases[prefix + "weighted_sum_1024x53"] = [=] { return WeightedSum(p(), 1024, 53); };
  cases[prefix + "weighted_sum_100kx24"] = [=] { return WeightedSum(p(), 100'000, 24); };
  cases[prefix + "histogram"] = [=] { return Histogram(p()); };
  if (bits == 2048) {
    cases["threads_1"] = [=] { return Threads(p(), 1); };
    cases["threads_2"] = [=] { return Threads(p(), 2); };
  }
}

}  // namespace

Cases OurCases(Isa isa) {
  Cases cases;
  AddPaillierCases(1024, isa, cases);
  AddPaillierCases(2048, isa, cases);
  const auto o = [=] {
    static OuPointer key;
    if (!key) key = std::make_shared<const Ou>(isa);
    return key;
  };
  cases["ou_2048_encrypt"] = [=] { return OuEncrypt(o(), o()->encryptor); };
  cases["ou_2048_encrypt_full"] = [=] { return OuEncrypt(o(), o()->full); };
  cases["ou_2048_encrypt_owner"] = [=] { return OuEncrypt(o(), o()->owner); };
  cases["ou_2048_decrypt"] = [=] { return OuDecrypt(o()); };
  cases["ou_2048_add"] = [=] { return OuAdd(o()); };
  cases["psi_curve25519"] = [=] { return Psi(isa); };
  return cases;
}

}  // namespace fate::bench
