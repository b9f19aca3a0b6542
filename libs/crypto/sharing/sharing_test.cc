#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "base/status.h"
#include "crypto/random.h"
#include "crypto/sharing/beaver.h"
#include "crypto/sharing/field_shares.h"
#include "crypto/sharing/ring_shares.h"

namespace fate::crypto {
namespace {

using Words = std::vector<uint64_t>;

SharedSecret RandomSecret() {
  SharedSecret secret;
  Random::Fill(secret.bytes.data(), secret.bytes.size());
  return secret;
}

// The zero shares of `parties` parties: party i has seed i in common with the next one.
std::vector<ZeroShares> Parties(size_t parties) {
  std::vector<SharedSecret> seeds(parties);
  for (SharedSecret& seed : seeds) seed = RandomSecret();
  std::vector<ZeroShares> all;
  for (size_t i = 0; i < parties; ++i) {
    all.emplace_back(std::make_unique<ChaChaRingGenerator>(seeds[(i + parties - 1) % parties]),
                     std::make_unique<ChaChaRingGenerator>(seeds[i]));
  }
  return all;
}

TEST(RingShares, EncodingTruncatesTowardsZeroInTwosComplement) {
  EXPECT_EQ(EncodeForShares(std::vector{1.0, -1.0, 0x1p-24, -0x1.8p-24, 0.0}).value(),
            (Words{1 << 24, ~Words::value_type{0} - (1 << 24) + 1, 1, ~uint64_t{0}, 0}));
  EXPECT_EQ(DecodeFromShares(Words{1 << 24, ~uint64_t{0}, uint64_t{1} << 63}),
            (std::vector{1.0, -0x1p-24, -0x1p39}));
}

// FATE's decoder takes this one for -2.99999994.
TEST(RingShares, DecodingIsExactForNegativesToo) {
  EXPECT_EQ(DecodeFromShares(Words{uint64_t{0} - ((1 << 25) - 1)})[0], -2 + 0x1p-24);
}

TEST(RingShares, ValuesThatDoNotFitAreRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double value : {nan, 0x1p39, -0x1.0000001p39, 1e300}) {
    const absl::Status status = EncodeForShares(std::vector{0.0, value}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(Message(status).find("value 1 of the array"), std::string::npos);
  }
  EXPECT_TRUE(EncodeForShares(std::vector{-0x1p39}).ok());
}

RC_GTEST_PROP(RingShares, SharesAddUp, (std::vector<uint64_t> elements)) {
  const auto shares = SplitIntoShares(elements, *rc::gen::inRange<size_t>(1, 6));
  RC_ASSERT(Sum(shares).value() == elements);
}

TEST(RingShares, SharesOfDifferentSizesAreRefused) {
  EXPECT_FALSE(Sum({}).ok());
  EXPECT_FALSE(Sum(std::vector<Words>{{1, 2}, {1}}).ok());
}

TEST(RingShares, ZeroSharesOfAnyNumberOfPartiesAddUpToZero) {
  for (const size_t parties : {2u, 3u, 5u}) {
    std::vector<ZeroShares> all = Parties(parties);
    for (int round = 0; round < 3; ++round) {
      std::vector<Words> shares;
      for (ZeroShares& party : all) shares.push_back(party.Next(100));
      EXPECT_EQ(Sum(shares).value(), Words(100));
      EXPECT_NE(shares[0], Words(100));
    }
  }
}

// torch 1.12.1; seeds as FATE's _sync_seeds hands them out, of two parties.
TEST(RingShares, ZeroSharesUnderTorchSeeds) {
  const auto torch = [](uint64_t seed) { return std::make_unique<TorchRingGenerator>(seed); };
  const uint64_t minus_one = ~uint64_t{0};
  ZeroShares first(torch(42), torch(minus_one)), second(torch(minus_one), torch(42));
  const Words share = first.Next(2), other = second.Next(2);
  EXPECT_EQ(share[0], static_cast<uint64_t>(-2314326399425823309) -
                          static_cast<uint64_t>(-7422378986580066014));
  EXPECT_EQ(share[1], uint64_t{8314211556539077902} - uint64_t{7607120784305990727});
  EXPECT_EQ(Sum(std::vector{share, other}).value(), Words(2));
  TorchRingGenerator partitions(42);
  EXPECT_EQ(partitions.NextPartitionSeed(), static_cast<uint64_t>(-2314326399425823308));
}

// x in [-1, 1] with 48 fraction bits: a wrap has a chance of 2^-16; small values here.
TEST(RingShares, TruncationIsOffByTwoAtMost) {
  Words elements(1000);
  for (uint64_t& element : elements) {
    element = static_cast<uint64_t>(static_cast<int64_t>(Random::Uint64() % (1 << 30)) - (1 << 29));
  }
  std::vector<Words> shares = SplitIntoShares(elements, 2);
  for (Words& share : shares) TruncateShare(share);
  const Words sum = Sum(shares).value();
  for (size_t i = 0; i < sum.size(); ++i) {
    const int64_t exact = static_cast<int64_t>(elements[i]) / (1 << 24);
    EXPECT_LE(std::abs(static_cast<int64_t>(sum[i]) - exact), 2);
  }
}

// The chance stated in the header, at |x| = 2^12 with 48 fraction bits: 2^-4.
TEST(RingShares, TruncationFailsAsOftenAsStated) {
  constexpr size_t kTrials = 4000;
  std::vector<Words> shares = SplitIntoShares(Words(kTrials, uint64_t{1} << 60), 2);
  for (Words& share : shares) TruncateShare(share);
  const Words sum = Sum(shares).value();
  size_t wrong = 0;
  for (const uint64_t element : sum) {
    wrong += std::abs(static_cast<int64_t>(element) - (int64_t{1} << 36)) > 2;
  }
  // 250 expected, standard deviation 15.
  EXPECT_GT(wrong, 160u);
  EXPECT_LT(wrong, 340u);
}

ShareMatrix RandomMatrix(Shape shape) {
  ShareMatrix matrix{shape, Words(shape.size())};
  Random::Fill(matrix.elements.data(), matrix.elements.size() * sizeof(uint64_t));
  return matrix;
}

std::vector<ShareMatrix> Split(const ShareMatrix& matrix, size_t parties) {
  std::vector<ShareMatrix> shares;
  for (Words& share : SplitIntoShares(matrix.elements, parties)) {
    shares.push_back({matrix.shape, std::move(share)});
  }
  return shares;
}

ShareMatrix Open(const std::vector<ShareMatrix>& shares) {
  std::vector<Words> elements;
  for (const ShareMatrix& share : shares) elements.push_back(share.elements);
  return {shares.front().shape, Sum(elements).value()};
}

// All parties' part of the protocol.
ShareMatrix Multiply(ProductKind product, const ShareMatrix& x, const ShareMatrix& y,
                     const std::vector<BeaverTriple>& triples) {
  const std::vector<ShareMatrix> x_shares = Split(x, triples.size()),
                                 y_shares = Split(y, triples.size());
  std::vector<ShareMatrix> epsilons, deltas, products;
  for (size_t i = 0; i < triples.size(); ++i) {
    epsilons.push_back(Difference(x_shares[i], triples[i].a).value());
    deltas.push_back(Difference(y_shares[i], triples[i].b).value());
  }
  const ShareMatrix epsilon = Open(epsilons), delta = Open(deltas);
  for (size_t i = 0; i < triples.size(); ++i) {
    products.push_back(i == 0 ? FinishProductAsFirst(product, triples[i], epsilon, delta).value()
                              : FinishProduct(product, triples[i], epsilon, delta).value());
  }
  return Open(products);
}

struct ProductCase {
  ProductKind product;
  Shape x, y;
};
const ProductCase kProducts[] = {{ProductKind::kElementwise, {3, 4}, {3, 4}},
                                 {ProductKind::kElementwise, {1, 100}, {1, 100}},
                                 {ProductKind::kMatrix, {3, 5}, {5, 2}},
                                 {ProductKind::kMatrix, {1, 7}, {7, 1}},
                                 {ProductKind::kMatrix, {0, 4}, {4, 2}}};

ShareMatrix InClear(ProductKind product, const ShareMatrix& x, const ShareMatrix& y) {
  const Shape shape = ProductShape(product, x.shape, y.shape).value();
  ShareMatrix result{shape, Words(shape.size())};
  for (size_t i = 0; i < shape.rows; ++i) {
    for (size_t j = 0; j < shape.columns; ++j) {
      uint64_t& sum = result.elements[i * shape.columns + j];
      if (product == ProductKind::kElementwise) {
        sum = x.elements[i * shape.columns + j] * y.elements[i * shape.columns + j];
        continue;
      }
      for (size_t k = 0; k < y.shape.rows; ++k) {
        sum += x.elements[i * y.shape.rows + k] * y.elements[k * shape.columns + j];
      }
    }
  }
  return result;
}

TEST(Beaver, ProductsUnderTriplesOfADealer) {
  ChaChaRingGenerator local(RandomSecret());
  for (const ProductCase& test : kProducts) {
    for (const size_t parties : {2u, 3u}) {
      const ShareMatrix x = RandomMatrix(test.x), y = RandomMatrix(test.y);
      const BeaverTriple whole = DrawTriple(test.product, test.x, test.y, local).value();
      EXPECT_EQ(Multiply(test.product, x, y, SplitTriple(whole, parties)),
                InClear(test.product, x, y));
    }
  }
}

TEST(Beaver, ProductsUnderTriplesOfTheFirstParty) {
  ChaChaRingGenerator local(RandomSecret());
  for (const ProductCase& test : kProducts) {
    std::vector<ZeroShares> parties = Parties(3);
    const BeaverTriple whole = DrawTriple(test.product, test.x, test.y, local).value();
    std::vector<BeaverTriple> triples{TripleOfFirstParty(whole, parties[0])};
    for (size_t i = 1; i < 3; ++i) {
      triples.push_back(TripleOfOtherParty(test.product, test.x, test.y, parties[i]).value());
    }
    const ShareMatrix x = RandomMatrix(test.x), y = RandomMatrix(test.y);
    EXPECT_EQ(Multiply(test.product, x, y, triples), InClear(test.product, x, y));
  }
}

TEST(Beaver, AFixedPointProductOfTwoParties) {
  const std::vector<double> a{0.5, -0.125, 0.0009765625}, b{-0.25, -0.5, 0.75};
  const ShareMatrix x{{1, 3}, EncodeForShares(a).value()}, y{{3, 1}, EncodeForShares(b).value()};
  const ShareMatrix product = InClear(ProductKind::kMatrix, x, y);
  // One wrap in 2^19 is to be expected; three of three trials is none.
  std::vector<double> results;
  for (int trial = 0; trial < 3; ++trial) {
    std::vector<Words> shares = SplitIntoShares(product.elements, 2);
    for (Words& share : shares) TruncateShare(share);
    results.push_back(DecodeFromShares(Sum(shares).value())[0]);
  }
  const double exact = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  EXPECT_TRUE(std::any_of(results.begin(), results.end(),
                          [&](double result) { return std::abs(result - exact) <= 0x1p-22; }));
}

TEST(Beaver, ThreadsShareAMatrixProduct) {
  const WorkerPool pool(3);
  const ShareMatrix x = RandomMatrix({70, 90}), y = RandomMatrix({90, 80});
  ShareMatrix sum{{70, 80}, Words(70 * 80)};
  AddProduct(ProductKind::kMatrix, x, y, sum, pool);
  EXPECT_EQ(sum, InClear(ProductKind::kMatrix, x, y));
}

TEST(Beaver, ShapesThatDoNotFitAreRefused) {
  ChaChaRingGenerator local(RandomSecret());
  EXPECT_FALSE(DrawTriple(ProductKind::kElementwise, {2, 3}, {3, 2}, local).ok());
  EXPECT_FALSE(DrawTriple(ProductKind::kMatrix, {2, 3}, {2, 3}, local).ok());
  std::vector<ZeroShares> parties = Parties(2);
  EXPECT_FALSE(TripleOfOtherParty(ProductKind::kMatrix, {2, 3}, {2, 3}, parties[1]).ok());
  const BeaverTriple triple = DrawTriple(ProductKind::kMatrix, {2, 3}, {3, 2}, local).value();
  const ShareMatrix good_x = RandomMatrix({2, 3}), good_y = RandomMatrix({3, 2});
  const ShareMatrix torn{{2, 3}, Words(5)};
  EXPECT_FALSE(Difference(good_x, good_y).ok());
  EXPECT_FALSE(Difference(torn, good_x).ok());
  EXPECT_FALSE(FinishProduct(ProductKind::kMatrix, triple, good_y, good_y).ok());
  EXPECT_FALSE(FinishProduct(ProductKind::kMatrix, triple, torn, good_y).ok());
  EXPECT_FALSE(FinishProductAsFirst(ProductKind::kMatrix, triple, good_x, good_x).ok());
}

// ---- FATE 1.x ----

ShareField SmallField() {
  const BigInt q = BigInt::PowerOfTwo(127) - 1;
  return ShareField::Create(q, {.base = 10, .fraction_digits = 4}).value();
}

FieldMatrix Encoded(const ShareField& field, Shape shape, const std::vector<double>& values) {
  FieldMatrix matrix{shape, {}};
  for (const double value : values) matrix.elements.push_back(field.Encode(value).value());
  return matrix;
}

TEST(FieldShares, EncodingAndItsLimits) {
  const ShareField field = SmallField();
  EXPECT_EQ(field.Encode(1.23456).value(), BigInt(12345));
  EXPECT_EQ(field.Encode(-1.23456).value(), field.q() - 12345);
  EXPECT_EQ(field.Decode(field.q() - 12345), -1.2345);
  EXPECT_EQ(field.Decode(BigInt(12345)), 1.2345);
  EXPECT_FALSE(field.Encode(1e15).ok());
  EXPECT_FALSE(field.Encode(std::numeric_limits<double>::quiet_NaN()).ok());
  const ShareField narrow = ShareField::Create(BigInt::PowerOfTwo(63) + 9, {10, 0}).value();
  EXPECT_FALSE(narrow.Encode(0x1p62 + 4096).ok());
  EXPECT_TRUE(narrow.Encode(0x1p61).ok());
  EXPECT_FALSE(ShareField::Create(101, {}).ok());
  EXPECT_FALSE(ShareField::Create(-BigInt::PowerOfTwo(100), {}).ok());
  EXPECT_FALSE(ShareField::Create(BigInt::PowerOfTwo(100), {10, 16}).ok());
  EXPECT_FALSE(ShareField::Create(BigInt::PowerOfTwo(100), {1, 4}).ok());
}

TEST(FieldShares, SharesAddUp) {
  const ShareField field = SmallField();
  const FieldMatrix x = Encoded(field, {2, 2}, {1.5, -2.25, 0, 1e9});
  const auto [own, theirs] = field.Split(x);
  EXPECT_NE(own.elements, x.elements);
  EXPECT_EQ(field.Add(own, theirs)->elements, x.elements);
  EXPECT_FALSE(field.Add(own, Encoded(field, {1, 4}, {1, 2, 3, 4})).ok());
}

// Both parties' triples; the cross products in clear take the place of Paillier.
std::array<ShareField::Triple, 2> Triples(const ShareField& field, const ProductCase& test) {
  std::array<ShareField::Triple, 2> triples;
  std::array<FieldMatrix, 2> r;
  const Shape shape = ProductShape(test.product, test.x, test.y).value();
  for (size_t i = 0; i < 2; ++i) {
    triples[i] = {field.Draw(test.x), field.Draw(test.y), {}};
    r[i] = field.Draw(shape);
  }
  const FieldMatrix zero{shape, std::vector<BigInt>(shape.size())};
  for (size_t i = 0; i < 2; ++i) {
    // What party i decrypts: a_i b_other + r_other.
    const FieldMatrix cross =
        field.TripleProduct(test.product, triples[i].a, triples[1 - i].b, zero, r[1 - i]).value();
    triples[i].c =
        field.TripleProduct(test.product, triples[i].a, triples[i].b, r[i], cross).value();
  }
  return triples;
}

FieldMatrix Multiply(const ShareField& field, const ProductCase& test, const FieldMatrix& x,
                     const FieldMatrix& y) {
  const auto triples = Triples(field, test);
  const auto x_shares = field.Split(x), y_shares = field.Split(y);
  FieldMatrix opened_x{test.x, std::vector<BigInt>(test.x.size())},
      opened_y{test.y, std::vector<BigInt>(test.y.size())};
  for (size_t i = 0; i < 2; ++i) {
    opened_x = *field.Add(opened_x, *field.Add(x_shares[i], triples[i].a));
    opened_y = *field.Add(opened_y, *field.Add(y_shares[i], triples[i].b));
  }
  FieldMatrix first = *field.FinishAsFirst(test.product, triples[0], opened_x, opened_y);
  FieldMatrix second = *field.FinishAsSecond(test.product, triples[1], opened_x, opened_y);
  field.TruncateFirst(first);
  field.TruncateSecond(second);
  return *field.Add(first, second);
}

TEST(FieldShares, ProductsOfFixedPoint) {
  const ShareField field = SmallField();
  const FieldMatrix x = Encoded(field, {2, 2}, {1.5, -2.25, 0.5, 100});
  const FieldMatrix y = Encoded(field, {2, 2}, {-3, 0.25, 8, -0.125});
  const std::vector<double> elementwise{-4.5, -0.5625, 4, -12.5},
      matrix{-22.5, 0.65625, 798.5, -12.375};
  for (const auto& [product, expected] : {std::pair(ProductKind::kElementwise, elementwise),
                                          std::pair(ProductKind::kMatrix, matrix)}) {
    const FieldMatrix result = Multiply(field, {product, {2, 2}, {2, 2}}, x, y);
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(field.Decode(result.elements[i]), expected[i], 2.5e-4);
    }
  }
}

TEST(FieldShares, WhatDoesNotFitIsRefused) {
  const ShareField field = SmallField();
  const FieldMatrix wide = field.Draw({2, 3}), tall = field.Draw({3, 2}),
                    square = field.Draw({2, 2});
  const auto product = ProductKind::kMatrix;
  EXPECT_TRUE(field.TripleProduct(product, wide, tall, square, square).ok());
  EXPECT_FALSE(field.TripleProduct(product, wide, wide, square, square).ok());
  EXPECT_FALSE(field.TripleProduct(product, wide, tall, wide, square).ok());
  EXPECT_FALSE(field.TripleProduct(product, wide, tall, square, tall).ok());
  const ShareField::Triple triple{wide, tall, square};
  EXPECT_FALSE(field.FinishAsFirst(product, triple, tall, tall).ok());
  EXPECT_FALSE(field.FinishAsSecond(product, triple, wide, square).ok());
  EXPECT_TRUE(field.CheckCross(1000, BigInt::PowerOfTwo(300)).ok());
  EXPECT_FALSE(field.CheckCross(1000, BigInt::PowerOfTwo(260)).ok());
}

}  // namespace
}  // namespace fate::crypto
