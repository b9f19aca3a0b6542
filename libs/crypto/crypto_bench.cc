// One core, one element: --benchmark_filter=Encrypt/2048 and so on.

#include <benchmark/benchmark.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "crypto/curve/curve25519.h"
#include "crypto/paillier_encryptor.h"
#include "crypto/paillier_sum.h"

namespace fate::crypto {
namespace {

const PaillierPrivateKey& Key(int64_t bits) {
  static auto& keys = *new std::map<int64_t, std::unique_ptr<PaillierPrivateKey>>;
  auto& key = keys[bits];
  if (!key) {
    key =
        std::make_unique<PaillierPrivateKey>(*PaillierPrivateKey::Generate(static_cast<int>(bits)));
  }
  return *key;
}

void MakeKey(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(PaillierPrivateKey::Generate(static_cast<int>(state.range(0))));
  }
}

void MakeEncryptor(benchmark::State& state) {
  const PaillierPublicKey& key = Key(state.range(0)).public_key();
  for (auto _ : state) PaillierEncryptor encryptor(key);
}

void Encrypt(benchmark::State& state) {
  const PaillierEncryptor encryptor(Key(state.range(0)).public_key());
  for (auto _ : state) benchmark::DoNotOptimize(encryptor.Encrypt(1));
}

void OwnerEncrypt(benchmark::State& state) {
  const PaillierOwnerEncryptor encryptor(Key(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(encryptor.Encrypt(1));
}

void Decrypt(benchmark::State& state) {
  const Ciphertext c = PaillierEncryptor(Key(state.range(0)).public_key()).Encrypt(12345);
  for (auto _ : state) benchmark::DoNotOptimize(Key(state.range(0)).Decrypt(c));
}

void Add(benchmark::State& state) {
  const PaillierPublicKey& key = Key(state.range(0)).public_key();
  const Ciphertext c = PaillierEncryptor(key).Encrypt(12345);
  for (auto _ : state) benchmark::DoNotOptimize(key.Add(c, c));
}

void AddToSum(benchmark::State& state) {
  const PaillierPublicKey& key = Key(state.range(0)).public_key();
  const auto term = key.modulus().Plain(PaillierEncryptor(key).Encrypt(12345).value);
  PaillierSum sum(key);
  for (auto _ : state) sum.Add(term);
}

void MultiplyBy53Bits(benchmark::State& state) {
  const PaillierPublicKey& key = Key(state.range(0)).public_key();
  const Ciphertext c = PaillierEncryptor(key).Encrypt(12345);
  const BigInt factor = BigInt::PowerOfTwo(53) - 12345;
  for (auto _ : state) benchmark::DoNotOptimize(key.MulPlain(c, factor));
}

BENCHMARK(MakeKey)->Arg(1024)->Arg(2048)->Unit(benchmark::kMillisecond);
BENCHMARK(MakeEncryptor)->Arg(1024)->Arg(2048)->Unit(benchmark::kMillisecond);
BENCHMARK(Encrypt)->Arg(1024)->Arg(2048)->Unit(benchmark::kMicrosecond);
BENCHMARK(OwnerEncrypt)->Arg(1024)->Arg(2048)->Unit(benchmark::kMicrosecond);
BENCHMARK(Decrypt)->Arg(1024)->Arg(2048)->Unit(benchmark::kMicrosecond);
BENCHMARK(Add)->Arg(1024)->Arg(2048)->Unit(benchmark::kMicrosecond);
BENCHMARK(AddToSum)->Arg(1024)->Arg(2048)->Unit(benchmark::kMicrosecond);
BENCHMARK(MultiplyBy53Bits)->Arg(1024)->Arg(2048)->Unit(benchmark::kMicrosecond);

std::vector<std::string> Ids() {
  std::vector<std::string> ids;
  for (int i = 0; i < 128; ++i) ids.push_back(std::to_string(13800000000 + i));
  return ids;
}

void PsiFirstSign(benchmark::State& state) {
  const std::vector<std::string> ids = Ids();
  const std::vector<std::string_view> views(ids.begin(), ids.end());
  const PsiSecret secret = PsiSecret::Random();
  for (auto _ : state) benchmark::DoNotOptimize(secret.FirstSign(views));
  state.SetItemsProcessed(state.iterations() * 128);
}

void PsiSecondSign(benchmark::State& state) {
  const std::vector<CurvePoint> points(128, HashToCurve("13800000000"));
  const PsiSecret secret = PsiSecret::Random();
  for (auto _ : state) benchmark::DoNotOptimize(secret.SecondSign(points));
  state.SetItemsProcessed(state.iterations() * 128);
}

BENCHMARK(PsiFirstSign);
BENCHMARK(PsiSecondSign);

}  // namespace
}  // namespace fate::crypto

BENCHMARK_MAIN();
