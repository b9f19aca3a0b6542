#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "base/status.h"
#include "crypto/encoding/fate_keys.h"
#include "crypto/encoding/fate_vectors.h"
#include "crypto/homomorphic/ciphertexts.h"
#include "crypto/okamoto_uchiyama/encryptor.h"
#include "crypto/random.h"

namespace fate::crypto::okamoto_uchiyama {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

BigInt Number(const char* decimal) { return *BigInt::FromDecimal(decimal); }

// A key of `bits`, made once.
const PrivateKey& TestKey(int bits = 1024) {
  static auto& keys = *new std::map<int, PrivateKey>;
  const auto found = keys.find(bits);
  return found != keys.end() ? found->second
                             : keys.emplace(bits, *PrivateKey::Generate(bits)).first->second;
}

// The same key as one made elsewhere, whose t nobody knows, on another instruction set.
PrivateKey Imported(const PrivateKey& key, Isa isa = BestIsa()) {
  const auto [p, q] = key.ExposePrimes();
  return *PrivateKey::FromPrimes(p, q, key.public_key().g(), isa);
}

// spec/federated-algorithms.md 16.2
PrivateKey ToyKey(Isa isa = BestIsa()) {
  return *PrivateKey::FromPrimesForTest(1000003, 1000033, 2, isa);
}

Residues Vector(const PublicKey& key, std::vector<BigInt> values) {
  return Residues(key.ring(), values);
}

// ---- known answers, section 16.2 and case D4 ----

class OuToyVectors : public testing::TestWithParam<Isa> {
 protected:
  Residues Encrypt(const BigInt& m, const BigInt& r) const {
    const BigInt mask = public_.h().PowMod(r, public_.n());
    return *Add(*public_.EncodeUnmasked({&m, 1}), Vector(public_, {mask}));
  }
  PrivateKey key_ = ToyKey(GetParam());
  PublicKey public_ = key_.public_key();
};

TEST_P(OuToyVectors, CiphertextsEqualTheVectors) {
  EXPECT_EQ(public_.n(), Number("1000039000207000297"));
  EXPECT_EQ(public_.h(), Number("120955393693569691"));
  const Residues first = Encrypt(1234, 77777), second = Encrypt(4321, 999);
  EXPECT_EQ(first.Leave()[0], Number("75142463571640307"));
  EXPECT_EQ(second.Leave()[0], Number("585483239615807309"));
  EXPECT_THAT(*key_.Decrypt(*Add(first, second)), ElementsAre(BigInt(5555)));
  const int64_t five = 5;
  EXPECT_THAT(*key_.Decrypt(*MultiplyPlain(first, Multipliers({&five, 1}))),
              ElementsAre(BigInt(6170)));
}

// FATE leaves g^m h^r as it comes from the multiplication.
TEST_P(OuToyVectors, UnreducedProductsOfFateAreAccepted) {
  const BigInt n = public_.n();
  const BigInt unreduced = BigInt(2).PowMod(1234, n) * public_.h().PowMod(77777, n);
  ASSERT_GT(unreduced, n);
  const std::vector<int32_t> exponent{0};
  const auto received = ParseCiphertexts(SerializeCiphertexts({&unreduced, 1}, exponent), n);
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_THAT(received->values, ElementsAre(Number("75142463571640307")));
  EXPECT_THAT(*key_.Decrypt(Vector(public_, received->values)), ElementsAre(BigInt(1234)));
}

INSTANTIATE_TEST_SUITE_P(OkamotoUchiyama, OuToyVectors, testing::ValuesIn(SupportedIsas()),
                         [](const auto& info) { return std::string(IsaName(info.param)); });

TEST(OkamotoUchiyama, NegativeNumbersAreRefused) {
  const Encryptor encryptor(TestKey().public_key());
  const absl::Status status = encryptor.Encrypt(std::vector<BigInt>{7, -5}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Message(status),
            "plaintext 1 of 2 is negative, which Okamoto-Uchiyama cannot encrypt; use Paillier");
}

TEST(OkamotoUchiyama, KeySizesFollowThePolicy) {
  EXPECT_EQ(Message(PrivateKey::Generate(512).status()),
            "key size 512 is too small, minimum is 1024");
  EXPECT_EQ(Message(PrivateKey::Generate(8193).status()),
            "key size 8193 is too large, maximum is 8192");
  for (const int bits : {1024, 1025, 1026, 2048}) {
    const auto [p, q] = TestKey(bits).ExposePrimes();
    EXPECT_EQ(TestKey(bits).public_key().bits(), bits);
    EXPECT_EQ(p.BitLength(), bits / 3);
    EXPECT_EQ(q.BitLength(), bits - 2 * (bits / 3));
    EXPECT_EQ(TestKey(bits).public_key().n(), p * p * q);
  }
}

// ---- round trips ----

struct Way {
  Isa isa;
  bool is_imported, is_owner;
  MaskStrength strength;
};

std::vector<Way> Ways() {
  std::vector<Way> ways;
  for (const Isa isa : SupportedIsas()) {
    for (const bool is_imported : {false, true}) {
      ways.push_back({isa, is_imported, true, MaskStrength::kFull});
      ways.push_back({isa, is_imported, false, MaskStrength::kFull});
      ways.push_back({isa, is_imported, false, MaskStrength::kShort});
    }
  }
  return ways;
}

// A key and an encryptor; its tables are what takes time to make.
struct Tools {
  explicit Tools(const Way& way)
      : key(way.is_imported ? Imported(TestKey(), way.isa) : *PrivateKey::Generate(1024, way.isa)),
        encryptor(way.is_owner ? Encryptor::ForOwner(key)
                               : Encryptor(key.public_key(), way.strength)) {}
  PrivateKey key;
  Encryptor encryptor;
};

// Made once for each way.
const Tools& ToolsFor(const Way& way) {
  static auto& tools = *new std::map<std::tuple<Isa, bool, bool, MaskStrength>, Tools>;
  const std::tuple key(way.isa, way.is_imported, way.is_owner, way.strength);
  return tools.try_emplace(key, way).first->second;
}

class OuRoundTrip : public testing::TestWithParam<Way> {
 protected:
  const PrivateKey& key_ = ToolsFor(GetParam()).key;
  const Encryptor& encryptor_ = ToolsFor(GetParam()).encryptor;
};

TEST_P(OuRoundTrip, NumbersOfAllLengthsComeBack) {
  const int most = key_.public_key().max_plaintext_bits();
  std::vector<BigInt> plaintexts{0, 1, BigInt::PowerOfTwo(most) - 1, BigInt::PowerOfTwo(64) - 1};
  for (int bits = 1; bits <= most; bits += 13) plaintexts.push_back(Random::Bits(bits));
  for (const size_t count : {size_t{1}, plaintexts.size()}) {
    const std::span<const BigInt> some = std::span(plaintexts).first(count);
    const auto ciphertexts = encryptor_.Encrypt(some);
    ASSERT_TRUE(ciphertexts.ok()) << ciphertexts.status();
    EXPECT_THAT(*key_.Decrypt(*ciphertexts), testing::ElementsAreArray(some));
  }
  const std::vector<BigInt> packed(3, BigInt::PowerOfTwo(140) + 7);  // a table of its own
  EXPECT_EQ(*key_.Decrypt(*encryptor_.Encrypt(packed)), packed);
  EXPECT_EQ(encryptor_.Encrypt({})->size(), 0u);
}

// What FATE computes, on plain integers.
TEST_P(OuRoundTrip, FateDecryptsWhatWeEncrypt) {
  const auto [p, q] = key_.ExposePrimes();
  const BigInt m = Random::Bits(200);
  const BigInt c = encryptor_.Encrypt({&m, 1})->Leave()[0];
  const BigInt inverse = *LogOfPower(key_.public_key().g(), p - 1, p).InverseMod(p);
  EXPECT_EQ((LogOfPower(c, p - 1, p) * inverse).Mod(p), m);
}

TEST_P(OuRoundTrip, SumsAndMultiplesAreThoseOfThePlaintexts) {
  const std::vector<BigInt> a{Random::Bits(100), Random::Bits(64), 5},
      b{Random::Bits(100), Random::Bits(300), 0};
  const Residues sum = *Add(*encryptor_.Encrypt(a), *encryptor_.Encrypt(b));
  EXPECT_THAT(*key_.Decrypt(sum), ElementsAre(a[0] + b[0], a[1] + b[1], a[2] + b[2]));
  const int64_t factors[] = {123456789, 1, 0};
  const Residues multiples = *MultiplyPlain(*encryptor_.Encrypt(a), Multipliers(factors));
  EXPECT_THAT(*key_.Decrypt(multiples), ElementsAre(a[0] * BigInt(123456789), a[1], BigInt(0)));
}

TEST_P(OuRoundTrip, MasksDifferAndLookRandom) {
  constexpr size_t kCount = 512;
  const PublicKey& key = key_.public_key();
  const std::vector<BigInt> zeros(kCount);
  Residues vector = *encryptor_.Encrypt(zeros);
  const std::vector<BigInt> first = vector.Leave();
  ASSERT_TRUE(encryptor_.Rerandomize(vector).ok());
  const std::vector<BigInt> second = vector.Leave();
  std::set<BigInt> different;
  for (const auto* values : {&first, &second}) {
    for (const BigInt& value : *values) {
      EXPECT_TRUE(value > BigInt(0) && value < key.n());
      different.insert(value);
    }
  }
  EXPECT_EQ(different.size(), 2 * kCount);
  EXPECT_EQ(*key_.Decrypt(vector), zeros);
  // Every bit but the topmost is set in half of the values, within six standard deviations.
  for (int bit = 0; bit < key.bits() - 40; ++bit) {
    int ones = 0;
    for (const BigInt& value : different) ones += value.Bit(bit);
    EXPECT_NEAR(ones, int{kCount}, 6 * 16) << "bit " << bit;
  }
}

TEST_P(OuRoundTrip, ThreadsComputeTheSame) {
  const WorkerPool pool(2);
  std::vector<BigInt> plaintexts;
  for (int i = 0; i < 300; ++i) plaintexts.push_back(i);
  const Residues ciphertexts = *encryptor_.Encrypt(plaintexts, pool);
  EXPECT_EQ(*key_.Decrypt(ciphertexts, pool), plaintexts);
}

INSTANTIATE_TEST_SUITE_P(OkamotoUchiyama, OuRoundTrip, testing::ValuesIn(Ways()),
                         [](const auto& info) {
                           const Way& way = info.param;
                           return std::string(IsaName(way.isa)) +
                                  (way.is_imported ? "_imported" : "_own") +
                                  (way.is_owner ? "_owner" : "_public") +
                                  (way.strength == MaskStrength::kShort ? "_short" : "");
                         });

TEST(OkamotoUchiyama, LongKeysWork) {
  const PrivateKey& key = TestKey(2048);
  const BigInt m = Random::Bits(600);
  EXPECT_THAT(*key.Decrypt(*Encryptor(key.public_key()).Encrypt({&m, 1})), ElementsAre(m));
  EXPECT_THAT(*key.Decrypt(*Encryptor::ForOwner(key).Encrypt({&m, 1})), ElementsAre(m));
  EXPECT_EQ(MaskBits(MaskStrength::kFull, 2048), 1494);
  EXPECT_EQ(MaskBits(MaskStrength::kShort, 2048), 224);
}

TEST(OkamotoUchiyama, OwnersOfUnevenKeysEncryptToo) {
  for (const auto& [p, q] : {std::pair(1000003, 101), std::pair(101, 1000003)}) {
    const PrivateKey key = *PrivateKey::FromPrimesForTest(p, q, 2);
    const std::vector<BigInt> plaintexts{0, 1, 99, 100};
    EXPECT_EQ(*key.Decrypt(*Encryptor::ForOwner(key).Encrypt(plaintexts)), plaintexts);
  }
}

// ---- numbers that would give the key away ----

constexpr const char* kRefusal =
    "refused to decrypt 2 ciphertexts for another party: not all are numbers below 2^100, and "
    "others would give the key away; use a longer key or smaller numbers";

TEST(OkamotoUchiyama, APlaintextBeyondPGivesTheKeyAwayUnlessItIsRefused) {
  const PrivateKey& key = TestKey();
  const BigInt n = key.public_key().n();
  const BigInt beyond = BigInt::PowerOfTwo(400);
  const Residues attack =
      Vector(key.public_key(), {key.public_key().g().PowMod(beyond, n), BigInt(1)});
  const std::vector<BigInt> answer = *key.Decrypt(attack);
  EXPECT_EQ(BigInt::Gcd(beyond - answer[0], n), key.ExposePrimes().p);  // the attack
  EXPECT_EQ(Message(key.DecryptForOther(attack, 100).status()), kRefusal);
}

TEST(OkamotoUchiyama, EveryRefusalSaysTheSame) {
  const PrivateKey& key = TestKey();
  const PublicKey& public_key = key.public_key();
  const Encryptor encryptor(public_key);
  const BigInt edge = BigInt::PowerOfTwo(100);
  const std::vector<BigInt> inside{edge - 1, 0}, outside{edge, 0};
  EXPECT_EQ(*key.DecryptForOther(*encryptor.Encrypt(inside), 100), inside);
  EXPECT_EQ(Message(key.DecryptForOther(*encryptor.Encrypt(outside), 100).status()), kRefusal);
  const Residues negative = *Subtract(*encryptor.Encrypt(std::vector<BigInt>{3, 3}),
                                      *encryptor.Encrypt(std::vector<BigInt>{4, 3}));
  EXPECT_EQ(Message(key.DecryptForOther(negative, 100).status()), kRefusal);
  const Residues no_unit = Vector(public_key, {key.ExposePrimes().p, BigInt(1)});
  EXPECT_EQ(Message(key.DecryptForOther(no_unit, 100).status()), kRefusal);
  EXPECT_THAT(Message(key.Decrypt(no_unit).status()), HasSubstr("made for another key or altered"));
}

TEST(OkamotoUchiyama, BoundsNearPAreRefused) {
  const PrivateKey& key = TestKey();
  EXPECT_EQ(key.max_other_bits(), 341 - 128);
  const Residues one = Vector(key.public_key(), {BigInt(1)});
  EXPECT_TRUE(key.DecryptForOther(one, 213).ok());
  for (const int bound : {214, 341, -1}) {
    EXPECT_EQ(key.DecryptForOther(one, bound).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

// ---- keys and vectors that are none ----

TEST(OkamotoUchiyama, PublicKeysAreChecked) {
  const PublicKey& key = TestKey().public_key();
  const BigInt &n = key.n(), &g = key.g(), &h = key.h();
  EXPECT_EQ(*PublicKey::Create(n, g, h), key);
  EXPECT_EQ(*PublicKey::Parse(key.Serialize()), key);
  const BigInt square = (n >> 512) * (n >> 512);
  EXPECT_THAT(Message(PublicKey::Create(n + 1, g, h).status()), HasSubstr("no Okamoto-Uchiyama"));
  EXPECT_THAT(Message(PublicKey::Create(-n, g, h).status()), HasSubstr("no Okamoto-Uchiyama"));
  EXPECT_FALSE(PublicKey::Create(square, g, h).ok());
  EXPECT_THAT(Message(PublicKey::Create(BigInt(3), BigInt(2), BigInt(2)).status()),
              HasSubstr("key size 2 is too small"));
  for (const auto& [bad_g, bad_h] : std::vector<std::pair<BigInt, BigInt>>{
           {g, h + 1}, {1, 1}, {g + n, h}, {TestKey().ExposePrimes().p, h}, {0, 0}}) {
    EXPECT_THAT(Message(PublicKey::Create(n, bad_g, bad_h).status()), HasSubstr("do not fit"));
  }
}

TEST(OkamotoUchiyama, PrivateKeysAreChecked) {
  const auto [p, q] = TestKey().ExposePrimes();
  const BigInt& g = TestKey().public_key().g();
  EXPECT_TRUE(PrivateKey::FromPrimes(p, q, g).ok());
  EXPECT_THAT(Message(PrivateKey::FromPrimesForTest(p, p, g).status()),
              HasSubstr("two different odd"));
  EXPECT_THAT(Message(PrivateKey::FromPrimes(p, q + 2 * 2, g).status()),
              HasSubstr("two different odd"));
  EXPECT_THAT(Message(PrivateKey::FromPrimes(p, q * BigInt::PowerOfTwo(64), g).status()),
              HasSubstr("not a third"));
  const BigInt no_generator = g.PowMod(p, p * p * q);  // of order t, without a part of order p
  EXPECT_THAT(Message(PrivateKey::FromPrimes(p, q, no_generator).status()),
              HasSubstr("generates no plaintexts"));
  EXPECT_THAT(Message(PrivateKey::FromPrimes(1000003, 1000033, 2).status()),
              HasSubstr("key size 60 is too small"));
}

TEST(OkamotoUchiyama, KeysTravelInFatesBytes) {
  const PrivateKey& key = TestKey();
  const auto [p, q] = key.ExposePrimes();
  const auto secret = ParseOuSecretKey(SerializeOuSecretKey({p, q, key.public_key().g()}));
  ASSERT_TRUE(secret.ok()) << secret.status();
  const auto imported = PrivateKey::FromPrimes(secret->p, secret->q, secret->g);
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_EQ(imported->public_key(), key.public_key());
}

TEST(OkamotoUchiyama, VectorsOfOtherKeysAreRefused) {
  const PrivateKey& other = TestKey(1026);
  Residues vector = Vector(other.public_key(), {BigInt(1)});
  for (const absl::Status& status :
       {TestKey().Decrypt(vector).status(), TestKey().DecryptForOther(vector, 10).status(),
        Encryptor(TestKey().public_key()).Rerandomize(vector),
        TestKey().Decrypt(Residues()).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(OkamotoUchiyama, NumbersLongerThanAnyPAreRefused) {
  const PublicKey& key = TestKey().public_key();
  const BigInt m = BigInt::PowerOfTwo(key.max_plaintext_bits());
  EXPECT_THAT(Message(Encryptor(key).Encrypt({&m, 1}).status()),
              HasSubstr("has 341 bits, too many for a key of 1024"));
  EXPECT_FALSE(key.EncodeUnmasked({&m, 1}).ok());
}

}  // namespace
}  // namespace fate::crypto::okamoto_uchiyama
