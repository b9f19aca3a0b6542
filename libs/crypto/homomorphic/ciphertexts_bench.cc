// Arithmetic on ciphertexts, one core: items are ciphertexts (or additions, or terms). Names end
// in the bits of n and the instruction set: --benchmark_filter=Histogram/.*/2048/avx512_ifma.

#include <benchmark/benchmark.h>

#include <map>

#include "crypto/homomorphic/ciphertexts.h"
#include "crypto/random.h"
#include "crypto/ring/fixed_base.h"
#include "crypto/ring/invert.h"
#include "crypto/ring/power.h"

namespace fate::crypto {
namespace {

// Random elements modulo n^2: `count` of them, drawn from a few.
Residues Elements(int bits, Isa isa, size_t count) {
  static auto& pools = *new std::map<std::pair<int, Isa>, Residues>;
  Residues& pool = pools[{bits, isa}];
  if (pool.size() == 0) {
    const BigInt half = BigInt::PowerOfTwo(bits / 2) - 1;
    const BigInt n = (half - Random::Bits(bits / 2 - 1)).NextPrime() *
                     (half - Random::Bits(bits / 2 - 1)).NextPrime();
    const auto ring = Ring::ModuloSquare(n, isa);
    std::vector<BigInt> values(1024);
    for (BigInt& value : values) value = Random::Below(ring->modulus());
    pool = Residues(ring, values);
  }
  std::vector<size_t> indices(count);
  for (size_t i = 0; i < count; ++i) indices[i] = i % pool.size();
  return *Gather(pool, indices);
}

std::vector<int64_t> Integers(size_t count, int bits) {
  std::vector<int64_t> integers(count);
  for (int64_t& integer : integers) integer = static_cast<int64_t>(Random::Uint64() >> (64 - bits));
  return integers;
}

void Done(benchmark::State& state, size_t items_each) {
  state.counters["us"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(items_each) * 1e-6,
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

using Run = void (*)(benchmark::State&, int bits, Isa isa);

void ProductAlone(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, kMaxLanes);
  Batches batch(a.ring(), 2);
  a.ring().LoadSome(batch[0], a[0], a.ring().lanes());
  a.ring().LoadSome(batch[1], a[0], a.ring().lanes());
  for (auto _ : state) a.ring().Multiply(batch[0], batch[0], batch[1]);
  Done(state, a.ring().lanes());
}

void SquareAlone(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, kMaxLanes);
  Batches batch(a.ring(), 1);
  a.ring().LoadSome(batch[0], a[0], a.ring().lanes());
  for (auto _ : state) a.ring().Square(batch[0], batch[0]);
  Done(state, a.ring().lanes());
}

void LoadScattered(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, 1024);
  Batches batch(a.ring(), 1);
  const uint64_t* from[kMaxLanes];
  size_t next = 0;
  for (auto _ : state) {
    for (const uint64_t*& element : from) element = a[(next += 331) % 1024];
    a.ring().Load(batch[0], from);
    benchmark::DoNotOptimize(batch[0]);
  }
  Done(state, a.ring().lanes());
}

void AddVectors(benchmark::State& state, int bits, Isa isa) {
  Residues a = Elements(bits, isa, 1000);
  const Residues b = a;
  for (auto _ : state) (void)AddInto(a, 0, b);
  Done(state, 1000);
}

void AddToNewVector(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, 10000);
  for (auto _ : state) benchmark::DoNotOptimize(Add(a, a));
  Done(state, 10000);
}

void Invert(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, 1024);
  for (auto _ : state) benchmark::DoNotOptimize(Negate(a));
  Done(state, 1024);
}

template <int kBits, bool kNegative>
void Multiply(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, 1024);
  std::vector<int64_t> factors = Integers(1024, kBits);
  for (int64_t& factor : factors) factor *= kNegative ? -1 : 1;
  const Multipliers multipliers(factors);
  for (auto _ : state) benchmark::DoNotOptimize(MultiplyPlain(a, multipliers));
  Done(state, 1024);
}

void PowerOfSecret(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, 16);
  const BigInt exponent = Random::Bits(1024);
  Residues out = a;
  for (auto _ : state) PowerSecret(a.ring(), a[0], 16, exponent, 1024, out[0]);
  Done(state, 16);
}

void PowerOfFixedBase(benchmark::State& state, int bits, Isa isa) {
  Residues out = Elements(bits, isa, 64);
  const FixedBaseTable table(out.shared_ring(), out[0], bits / 2);
  std::vector<BigInt> values(64);
  for (BigInt& value : values) value = Random::Bits(bits / 2);
  const Exponents exponents(values);
  for (auto _ : state) table.Power(exponents, out[0]);
  Done(state, 64);
}

void MakeFixedBase(benchmark::State& state, int bits, Isa isa) {
  const Residues base = Elements(bits, isa, 1);
  for (auto _ : state) FixedBaseTable table(base.shared_ring(), base[0], bits / 2);
  Done(state, 1);
}

template <size_t kTerms, int kBits, bool kSigned>
void Weighted(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, kTerms);
  std::vector<int64_t> weights = Integers(kTerms, kBits);
  for (size_t i = 0; kSigned && i < kTerms; i += 2) weights[i] = -weights[i];
  const Multipliers multipliers(weights);
  for (auto _ : state) benchmark::DoNotOptimize(WeightedSum(a, multipliers));
  Done(state, kTerms);
}

// Rows x features times a vector of rows, as a gradient is made.
template <size_t kRows, size_t kFeatures>
void Gradient(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, kRows);
  const Multipliers multipliers(Integers(kRows * kFeatures, 23));
  for (auto _ : state) benchmark::DoNotOptimize(MultiplyLeft(multipliers, a, kRows));
  Done(state, kRows * kFeatures);
}

// Rows of a few ciphertexts times a matrix.
void ShortRows(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, 100 * 8);
  const Multipliers multipliers(Integers(8 * 10, 23));
  for (auto _ : state) benchmark::DoNotOptimize(MultiplyRight(a, multipliers, 8));
  Done(state, 100 * 8 * 10);
}

template <size_t kRows, size_t kFeatures>
void HistogramOf32Bins(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, kRows);
  std::vector<int32_t> bins(kRows * kFeatures);
  for (int32_t& bin : bins) bin = static_cast<int32_t>(Random::Uint64() % 32);
  for (auto _ : state) benchmark::DoNotOptimize(Histogram(a, bins, kFeatures, 32));
  Done(state, bins.size());
}

// Rows into node * features * bins sums, each row in one node.
template <size_t kRows, size_t kFeatures, size_t kNodes>
void HistogramOfNodes(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, kRows);
  Residues sums = Elements(bits, isa, kNodes * kFeatures * 32);
  std::vector<Contribution> contributions;
  for (uint32_t row = 0; row < kRows; ++row) {
    const auto node = static_cast<uint32_t>(Random::Uint64() % kNodes);
    const uint64_t bins = Random::Uint64();
    for (uint32_t feature = 0; feature < kFeatures; ++feature) {
      const uint32_t bin = (static_cast<uint32_t>(bins >> feature) + 7 * feature) % 32;
      const auto first = (node * static_cast<uint32_t>(kFeatures) + feature) * 32;
      contributions.push_back({row, first + bin});
    }
  }
  for (auto _ : state) benchmark::DoNotOptimize(AddContributions(sums, a, contributions));
  Done(state, contributions.size());
}

void SumOfAll(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, 10000);
  for (auto _ : state) benchmark::DoNotOptimize(Sum(a));
  Done(state, 10000);
}

template <size_t kStep>
void Cumulative(benchmark::State& state, int bits, Isa isa) {
  Residues a = Elements(bits, isa, 9600);
  const std::vector<size_t> chunks{9600};
  for (auto _ : state) benchmark::DoNotOptimize(CumulativeSum(a, chunks, kStep));
  Done(state, 9600);
}

void SqueezeBy140Bits(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, 960);
  for (auto _ : state) benchmark::DoNotOptimize(Squeeze(a, 7, 140));
  Done(state, 960);
}

void ToBytesAndBack(benchmark::State& state, int bits, Isa isa) {
  const Residues a = Elements(bits, isa, 1000);
  for (auto _ : state) benchmark::DoNotOptimize(Parse(a.shared_ring(), Serialize(a)));
  Done(state, 1000);
}

void Register(const char* name, Run run) {
  for (const Isa isa : SupportedIsas()) {
    for (const int bits : {1024, 2048}) {
      const std::string full =
          std::string(name) + "/" + std::to_string(bits) + "/" + std::string(IsaName(isa));
      benchmark::RegisterBenchmark(full.c_str(), run, bits, isa)
          ->Unit(benchmark::kMillisecond)
          ->MinTime(0.1);
    }
  }
}

}  // namespace
}  // namespace fate::crypto

int main(int argc, char** argv) {
  using namespace fate::crypto;  // NOLINT: the table below
  Register("Product", ProductAlone);
  Register("Square", SquareAlone);
  Register("Load", LoadScattered);
  Register("Add", AddVectors);
  Register("AddToNewVector", AddToNewVector);
  Register("Negate", Invert);
  Register("Multiply_23", Multiply<23, false>);
  Register("Multiply_23_negative", Multiply<23, true>);
  Register("Multiply_53", Multiply<53, false>);
  Register("PowerSecret_1024", PowerOfSecret);
  Register("FixedBase", PowerOfFixedBase);
  Register("MakeFixedBase", MakeFixedBase);
  Register("WeightedSum_1024x53", Weighted<1024, 53, false>);
  Register("WeightedSum_1024x53_signed", Weighted<1024, 53, true>);
  Register("WeightedSum_100kx24", Weighted<100000, 24, false>);
  Register("WeightedSum_100kx24_signed", Weighted<100000, 24, true>);
  Register("WeightedSum_10x53", Weighted<10, 53, false>);
  Register("Gradient_300x30", Gradient<300, 30>);
  Register("Gradient_10000x10", Gradient<10000, 10>);
  Register("ShortRows_100x8x10", ShortRows);
  Register("Histogram_10000x30", HistogramOf32Bins<10000, 30>);
  Register("Histogram_100000x30", HistogramOf32Bins<100000, 30>);
  Register("Histogram_20000x1", HistogramOf32Bins<20000, 1>);
  Register("Histogram_100000x30x1node", HistogramOfNodes<100000, 30, 1>);
  Register("Histogram_100000x30x4nodes", HistogramOfNodes<100000, 30, 4>);
  Register("Histogram_100000x30x32nodes", HistogramOfNodes<100000, 30, 32>);
  Register("Sum", SumOfAll);
  Register("CumulativeSum_step1", Cumulative<1>);
  Register("CumulativeSum_step30", Cumulative<30>);
  Register("Squeeze_7x140", SqueezeBy140Bits);
  Register("ToBytesAndBack", ToBytesAndBack);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
