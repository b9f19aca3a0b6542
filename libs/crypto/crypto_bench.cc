// One core: --benchmark_filter=Encrypt.*/2048 and so on.

#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "crypto/curve/curve25519.h"
#include "crypto/homomorphic/ciphertexts.h"
#include "crypto/intersect/dh.h"
#include "crypto/intersect/id_hash.h"
#include "crypto/intersect/rsa.h"
#include "crypto/paillier/encryptor.h"
#include "crypto/paillier/received.h"

namespace fate::crypto {
namespace {

// ---- Paillier: vectors of 64, figures for one ----

constexpr size_t kVector = 64;

const paillier::PrivateKey& Key(int64_t bits) {
  static auto& keys = *new std::map<int64_t, std::unique_ptr<paillier::PrivateKey>>;
  auto& key = keys[bits];
  if (!key) {
    key = std::make_unique<paillier::PrivateKey>(
        *paillier::PrivateKey::Generate(static_cast<int>(bits)));
  }
  return *key;
}

std::vector<BigInt> Plaintexts() { return std::vector<BigInt>(kVector, BigInt(12345)); }

void CountElements(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kVector));
}

void MakeKey(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(paillier::PrivateKey::Generate(static_cast<int>(state.range(0))));
  }
}

void MakeEncryptor(benchmark::State& state) {
  const paillier::PublicKey& key = Key(state.range(0)).public_key();
  for (auto _ : state) paillier::Encryptor encryptor(key);
}

void Encrypt(benchmark::State& state, const paillier::Encryptor& encryptor) {
  const std::vector<BigInt> plaintexts = Plaintexts();
  for (auto _ : state) benchmark::DoNotOptimize(encryptor.Encrypt(plaintexts));
  CountElements(state);
}

void EncryptPublic(benchmark::State& state) {
  Encrypt(state, paillier::Encryptor(Key(state.range(0)).public_key()));
}

void EncryptShort(benchmark::State& state) {
  Encrypt(state,
          paillier::Encryptor(Key(state.range(0)).public_key(), paillier::MaskStrength::kShort));
}

void EncryptOwner(benchmark::State& state) {
  Encrypt(state, paillier::Encryptor::ForOwner(Key(state.range(0))));
}

void Decrypt(benchmark::State& state) {
  const paillier::PrivateKey& key = Key(state.range(0));
  const Residues c = *paillier::Encryptor(key.public_key()).Encrypt(Plaintexts());
  for (auto _ : state) benchmark::DoNotOptimize(key.Decrypt(c));
  CountElements(state);
}

void AdmitCiphertexts(benchmark::State& state) {
  const paillier::PublicKey& key = Key(state.range(0)).public_key();
  const std::string bytes = Serialize(*paillier::Encryptor(key).Encrypt(Plaintexts()));
  for (auto _ : state) benchmark::DoNotOptimize(paillier::AdmitCiphertexts(key, bytes));
  CountElements(state);
}

BENCHMARK(MakeKey)->Arg(1024)->Arg(2048)->Unit(benchmark::kMillisecond);
BENCHMARK(MakeEncryptor)->Arg(1024)->Arg(2048)->Unit(benchmark::kMillisecond);
BENCHMARK(EncryptPublic)->Arg(1024)->Arg(2048)->Arg(3072)->Unit(benchmark::kMicrosecond);
BENCHMARK(EncryptShort)->Arg(1024)->Arg(2048)->Arg(3072)->Unit(benchmark::kMicrosecond);
BENCHMARK(EncryptOwner)->Arg(1024)->Arg(2048)->Arg(3072)->Unit(benchmark::kMicrosecond);
BENCHMARK(Decrypt)->Arg(1024)->Arg(2048)->Arg(3072)->Unit(benchmark::kMicrosecond);
BENCHMARK(AdmitCiphertexts)->Arg(1024)->Arg(2048)->Unit(benchmark::kMicrosecond);

// ---- PSI ----

std::vector<std::string> Ids() {
  std::vector<std::string> ids;
  for (int i = 0; i < 1024; ++i) ids.push_back(std::to_string(13800000000 + i));
  return ids;
}

// One id: hash to the curve, multiplication by one party, multiplication by the other.
void psi_curve25519(benchmark::State& state) {  // NOLINT: the name in bench/out
  const auto isa = static_cast<Isa>(state.range(0));
  const std::vector<std::string> ids = Ids();
  const std::vector<std::string_view> views(ids.begin(), ids.end());
  const PsiSecret a(PsiSecret::Random().bytes(), isa), b(PsiSecret::Random().bytes(), isa);
  for (auto _ : state) benchmark::DoNotOptimize(b.SecondSign(a.FirstSign(views)));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(ids.size()));
  state.SetLabel(std::string(IsaName(isa)));
}

void SupportedIsaArguments(benchmark::internal::Benchmark* benchmark) {
  for (const Isa isa : SupportedIsas()) benchmark->Arg(static_cast<int64_t>(isa));
}

// One X25519: the half of what psi_curve25519 does to an id, less the hash.
void openssl_x25519(benchmark::State& state) {  // NOLINT: the name in bench/out
  EVP_PKEY* const own = EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519");
  EVP_PKEY* const peer = EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519");
  EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new(own, nullptr);
  EVP_PKEY_derive_init(context);
  EVP_PKEY_derive_set_peer(context, peer);
  uint8_t secret[32];
  for (auto _ : state) {
    size_t size = sizeof(secret);
    if (EVP_PKEY_derive(context, secret, &size) != 1) state.SkipWithError("no shared secret");
    benchmark::DoNotOptimize(secret);
  }
  state.SetItemsProcessed(state.iterations());
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(own);
  EVP_PKEY_free(peer);
}

// ---- joins of 1.x, 256 ids ----

std::vector<BigInt> HashedIds() {
  const std::vector<std::string> ids = Ids();
  const std::vector<std::string_view> views(ids.begin(), ids.begin() + 256);
  return *intersect::HashToTextIntegers(*intersect::IdHash::Create("sha256"), views);
}

void RsaSign(benchmark::State& state) {
  const auto key = *intersect::RsaPrivateKey::Generate(static_cast<int>(state.range(0)));
  const std::vector<BigInt> ids = HashedIds();
  for (auto _ : state) benchmark::DoNotOptimize(key.Sign(ids));
  state.SetItemsProcessed(state.iterations() * 256);
}

void RsaBlindAndUnblind(benchmark::State& state) {
  const auto key = *intersect::RsaPrivateKey::Generate(static_cast<int>(state.range(0)));
  const std::vector<BigInt> ids = HashedIds();
  for (auto _ : state) {
    const auto blinded = key.public_key().Blind(ids);
    benchmark::DoNotOptimize(key.public_key().Unblind(blinded.values, blinded.factors));
  }
  state.SetItemsProcessed(state.iterations() * 256);
}

void DhEncrypt(benchmark::State& state) {
  const BigInt p = *intersect::RandomStandardPrime(static_cast<int>(state.range(0)));
  const auto cipher = *intersect::DhCipher::Random(p);
  const std::vector<BigInt> ids = HashedIds();
  for (auto _ : state) benchmark::DoNotOptimize(cipher.Encrypt(ids));
  state.SetItemsProcessed(state.iterations() * 256);
}

BENCHMARK(psi_curve25519)->Apply(SupportedIsaArguments);
BENCHMARK(openssl_x25519);
BENCHMARK(RsaSign)->Arg(1024)->Arg(2048)->Unit(benchmark::kMicrosecond);
BENCHMARK(RsaBlindAndUnblind)->Arg(1024)->Arg(2048)->Unit(benchmark::kMicrosecond);
BENCHMARK(DhEncrypt)->Arg(1024)->Arg(2048)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace fate::crypto

BENCHMARK_MAIN();
