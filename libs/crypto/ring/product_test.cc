#include "crypto/ring/product.h"

#include <numeric>

#include "crypto/ring/invert.h"
#include "crypto/ring/multi_exp.h"
#include "crypto/ring/ring_cases.h"
#include "crypto/ring/scatter.h"

namespace fate::crypto {
namespace {

size_t Below(size_t bound) { return static_cast<size_t>(Random::Uint64() % bound); }

class ProductTest : public RingAlgorithmTest {};

TEST_P(ProductTest, ProductsOfAllLengthsAreRight) {
  const std::vector<BigInt> values = RandomValues(300);
  const Residues factors(ring_, values);
  std::vector<const uint64_t*> pointers;
  for (size_t i = 0; i < 300; ++i) pointers.push_back(factors[i]);
  const WorkerPool pool(3);
  for (const Parallel* parallel : {&Inline(), static_cast<const Parallel*>(&pool)}) {
    for (const std::vector<size_t>& lengths : std::vector<std::vector<size_t>>{
             {0}, {1}, {2}, {300}, {0, 0, 1}, {299, 1}, {5, 80, 3, 0, 11, 1, 1, 90, 100, 9}}) {
      Residues out(ring_, std::vector<BigInt>(lengths.size(), BigInt(7)));
      std::vector<Product> products;
      std::vector<BigInt> expected;
      size_t first = 0;
      for (size_t i = 0; i < lengths.size(); ++i) {
        const bool accumulates = i % 2 == 1;
        products.push_back(
            {out[i], accumulates ? out[i] : nullptr, pointers.data() + first, lengths[i]});
        expected.push_back(accumulates ? 7 : 1);
        for (size_t end = first + lengths[i]; first < end; ++first) {
          expected[i] = Times(expected[i], values[first]);
        }
      }
      MultiplyOut(*ring_, products, *parallel);
      ASSERT_EQ(out.Leave(), expected) << lengths.size() << " products";
    }
  }
}

TEST_P(ProductTest, PrefixProductsOfFewAndManySequences) {
  const WorkerPool pool(2);
  for (const Parallel* parallel : {&Inline(), static_cast<const Parallel*>(&pool)}) {
    for (const size_t sequences : {1, 2, 3, 9, 40}) {
      std::vector<BigInt> expected = RandomValues(400);
      Residues a(ring_, expected);
      std::vector<Sequence> parts;
      for (size_t k = 0; k < sequences; ++k) {
        parts.push_back({a[k], (400 - k + sequences - 1) / sequences, sequences * ring_->words()});
      }
      for (size_t i = sequences; i < 400; ++i) {
        expected[i] = Times(expected[i], expected[i - sequences]);
      }
      PrefixProducts(*ring_, parts, *parallel);
      ASSERT_EQ(a.Leave(), expected) << sequences << " sequences";
    }
  }
}

TEST_P(ProductTest, InversesTimesElementsAreOne) {
  const WorkerPool pool(2);
  for (const size_t count : {1, 2, 3, 7, 8, 9, 31, 1023, 1024, 1025, 2500}) {
    const std::vector<BigInt> values = RandomValues(count);
    Residues a(ring_, values);
    ASSERT_TRUE(InvertEach(*ring_, a[0], count, a[0], pool).ok());
    const std::vector<BigInt> inverses = a.Leave();
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(Times(values[i], inverses[i]), BigInt(1));
  }
}

TEST_P(ProductTest, AnElementWithoutInverseIsNamed) {
  for (const size_t culprit : {0, 1, 600, 1024, 1499}) {
    std::vector<BigInt> values = RandomValues(1500);
    values[culprit] = culprit % 2 == 0 ? p_ : BigInt(0);
    Residues a(ring_, values);
    EXPECT_EQ(FindNotInvertible(*ring_, a[0], a.size()), culprit);
    EXPECT_EQ(FindNotInvertible(*ring_, a[0], culprit), std::nullopt);
    const absl::Status status = InvertEach(*ring_, a[0], a.size(), a[0]);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(std::string(status.message()).find("element " + std::to_string(culprit) + " "),
              std::string::npos)
        << status;
  }
}

TEST_P(ProductTest, ProductsOfPowersEqualPlainArithmetic) {
  const WorkerPool pool(2);
  for (const auto& [count, bits] : std::vector<std::pair<size_t, int>>{
           {1, 1}, {1, 64}, {2, 53}, {7, 130}, {40, 24}, {100, 5}, {300, 53}, {1500, 24}}) {
    const std::vector<BigInt> values = RandomValues(count);
    std::vector<BigInt> exponents(count);
    BigInt expected = 1;
    for (size_t i = 0; i < count; ++i) {
      exponents[i] = Random::Bits(bits);
      expected = Times(expected, Power(values[i], exponents[i]));
    }
    const Residues bases(ring_, values);
    Residues out(ring_, 1);
    MultiplyPowers(*ring_, bases[0], Exponents(exponents), out[0], pool);
    ASSERT_EQ(ring_->Leave(out[0]), expected) << count << " terms of " << bits << " bits";
  }
}

TEST_P(ProductTest, ManyProductsOfPowersShareTheirBases) {
  for (const auto& [base_count, outputs, bits] : std::vector<std::tuple<size_t, size_t, int>>{
           {1, 5, 20}, {3, 100, 24}, {200, 3, 24}, {20, 17, 53}, {5, 2, 1}}) {
    const std::vector<BigInt> values = RandomValues(base_count);
    std::vector<BigInt> exponents, expected(outputs, BigInt(1));
    std::vector<std::vector<PowerTerm>> terms(outputs);
    for (size_t o = 0; o < outputs; ++o) {
      for (size_t i = 0; i < 30 && o != 1; ++i) {
        const PowerTerm term{static_cast<uint32_t>(Below(base_count)),
                             static_cast<uint32_t>(exponents.size())};
        exponents.push_back(Random::Bits(bits));
        terms[o].push_back(term);
        expected[o] = Times(expected[o], Power(values[term.base], exponents.back()));
      }
    }
    const Residues bases(ring_, values);
    Residues out(ring_, outputs);
    std::vector<PowerProduct> products;
    for (size_t o = 0; o < outputs; ++o) products.push_back({out[o], terms[o]});
    MultiplyPowers(*ring_, bases[0], base_count, Exponents(exponents), products);
    ASSERT_EQ(out.Leave(), expected) << base_count << " bases, " << outputs << " products";
  }
}

TEST_P(ProductTest, ScatteredElementsMeetInTheirAccumulators) {
  const WorkerPool pool(2);
  constexpr size_t kRows = 500, kPerRow = 3, kRuns = 11;
  for (const size_t stride : {1, 2}) {
    const std::vector<BigInt> values = RandomValues(kRows * stride);
    std::vector<BigInt> expected = RandomValues(kRuns * stride);
    const Residues sources(ring_, values);
    Residues sums(ring_, expected), pair_sums(ring_, expected);
    std::vector<uint32_t> targets;
    std::vector<ScatterPair> pairs;
    for (uint32_t i = 0; i < kRows * kPerRow; ++i) {
      targets.push_back(i % 7 == 0 ? kNoTarget : static_cast<uint32_t>(Below(kRuns)));
      if (targets[i] == kNoTarget) continue;
      pairs.push_back({static_cast<uint32_t>(i / kPerRow), targets[i]});
      for (size_t k = 0; k < stride; ++k) {
        BigInt& sum = expected[targets[i] * stride + k];
        sum = Times(sum, values[i / kPerRow * stride + k]);
      }
    }
    Scatter(*ring_, {kRows, kPerRow, kRuns, stride}, sources[0], targets, sums[0], pool);
    EXPECT_EQ(sums.Leave(), expected);
    ScatterPairs(*ring_, sources[0], pairs, stride, pair_sums[0], kRuns);
    EXPECT_EQ(pair_sums.Leave(), expected);
  }
}

FATE_INSTANTIATE_RING_TESTS(ProductTest);

}  // namespace
}  // namespace fate::crypto
