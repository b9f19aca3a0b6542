#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <type_traits>

#include "base/status.h"
#include "crypto/encoding/fate_keys.h"
#include "crypto/homomorphic/ciphertexts.h"
#include "crypto/paillier/encryptor.h"
#include "crypto/paillier/primes.h"
#include "crypto/paillier/received.h"
#include "crypto/paillier/test_keys.h"
#include "crypto/random.h"

namespace fate::crypto::paillier {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

BigInt Number(const char* decimal) { return *BigInt::FromDecimal(decimal); }

// ---- known answers, section 16.1 and case D1 ----

class ToyVectors : public testing::TestWithParam<Isa> {
 protected:
  // (1 + n m) r^n, as upstream masks.
  Residues Encrypt(const BigInt& m, const BigInt& r) const {
    const BigInt mask = r.PowMod(public_.n(), public_.n_squared());
    return *Add(*public_.EncodeUnmasked({&m, 1}), Residues(public_.ring(), {&mask, 1}));
  }
  BigInt Unmasked(const BigInt& m) const { return public_.EncodeUnmasked({&m, 1})->Leave()[0]; }

  PrivateKey key_ = ToyKey(GetParam());
  PublicKey public_ = key_.public_key();
  Residues first_ = Encrypt(12345, 123456789);
  Residues second_ = Encrypt(-5, 987654321);
};

TEST_P(ToyVectors, UnmaskedCiphertextsEqualTheVectors) {
  EXPECT_EQ(public_.n(), Number("6732696430022730493"));
  EXPECT_EQ(public_.max_signed(), Number("3366348215011365246"));
  EXPECT_EQ(Unmasked(12345), Number("83115137428630607936086"));
  EXPECT_EQ(Unmasked(-5), Number("45329201218840819884483514505198370585"));
  EXPECT_EQ(Unmasked(0), BigInt(1));
}

TEST_P(ToyVectors, MaskedCiphertextsEqualTheVectors) {
  EXPECT_EQ(first_.Leave()[0], Number("378208424941204102354228022779446300"));
  EXPECT_EQ(second_.Leave()[0], Number("19314820469970456594488558459090214055"));
}

TEST_P(ToyVectors, SumsAndProductsEqualTheVectors) {
  const Residues sum = *Add(first_, second_);
  EXPECT_EQ(sum.Leave()[0], Number("28141059279098334866561928499330967556"));
  EXPECT_THAT(*key_.Decrypt(sum), ElementsAre(BigInt(12340)));
  const auto times = [&](int64_t k) { return *MultiplyPlain(first_, Multipliers({&k, 1})); };
  EXPECT_EQ(times(3).Leave()[0], Number("13515152368700491357766217955354136105"));
  EXPECT_THAT(*key_.Decrypt(times(3)), ElementsAre(BigInt(37035)));
  EXPECT_EQ(times(-2).Leave()[0], Number("44319430575424295357088158285348449516"));
  EXPECT_THAT(*key_.Decrypt(times(-2)), ElementsAre(Number("6732696430022705803")));
  EXPECT_THAT(*key_.DecryptSigned(times(-2)), ElementsAre(BigInt(-24690)));
}

TEST_P(ToyVectors, ANegativeIntegerFromUpstreamIsItsResidue) {
  CiphertextAudit audit;
  const BigInt integer = Number("-33663482150113652464");  // of -5, unmasked
  const Residues c = *AdmitCiphertexts(public_, {&integer, 1}, &audit);
  EXPECT_EQ(c.Leave()[0], Number("45329201218840819884483514505198370585"));
  EXPECT_THAT(*key_.DecryptSigned(c), ElementsAre(BigInt(-5)));
  EXPECT_EQ(audit.ciphertexts, 1u);
  EXPECT_EQ(audit.negative, 1u);
  EXPECT_EQ(audit.unmasked, 1u);
}

INSTANTIATE_TEST_SUITE_P(Paillier, ToyVectors, testing::ValuesIn(SupportedIsas()),
                         [](const auto& info) { return std::string(IsaName(info.param)); });

// ---- keys ----

TEST(PaillierKey, SizesOutsideThePolicyAreRefusedAndShortOnesWarnedOf) {
  EXPECT_EQ(Message(PrivateKey::Generate(512).status()),
            "key size 512 is too small, minimum is 1024");  // section 18, D4
  EXPECT_FALSE(PrivateKey::Generate(16384).ok());
  EXPECT_FALSE(PrivateKey::Generate(1025).ok());
  EXPECT_THAT(WeakKeyWarning(1024), HasSubstr("1024 bits is weak"));
  EXPECT_EQ(WeakKeyWarning(kDefaultKeyBits), "");
}

TEST(PaillierKey, NumbersThatAreNoModulusAreRefused) {
  const BigInt n = TestKey().public_key().n();
  EXPECT_TRUE(PublicKey::Create(n).ok());
  EXPECT_FALSE(PublicKey::Create(BigInt::PowerOfTwo(500) + 1).ok());
  EXPECT_FALSE(PublicKey::Create(BigInt::PowerOfTwo(8192) + 1).ok());
  EXPECT_FALSE(PublicKey::Create(n + 1).ok());
  EXPECT_FALSE(PublicKey::Create(-n).ok());
  EXPECT_FALSE(PublicKey::Create(n * 997).ok());
  const BigInt prime = RandomPrime3Mod4(600);
  EXPECT_FALSE(PublicKey::Create(prime * prime).ok());
  EXPECT_FALSE(PublicKey::Parse(std::string(1 << 20, '\x7f')).ok());
  EXPECT_FALSE(PublicKey::Parse("").ok());
}

TEST(PaillierKey, AKeyHasTheLengthAskedForAndTravels) {
  const PublicKey& key = TestKey().public_key();
  EXPECT_EQ(key.bits(), 1024);
  const auto copy = PublicKey::Parse(key.Serialize());
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(*copy, key);
  EXPECT_FALSE(*copy == TestKey(2048).public_key());
}

TEST(PaillierKey, PrimesAreAsTheMasksNeedThem) {
  const auto [p, q] = TestKey().ExposePrimes();
  EXPECT_LT(p, q);
  EXPECT_EQ(p * q, TestKey().public_key().n());
  for (const BigInt& prime : {p, q}) {
    EXPECT_EQ(prime.BitLength(), 512);
    EXPECT_TRUE(prime.IsProbablePrime());
    EXPECT_EQ(prime.Mod(4), BigInt(3));
  }
  EXPECT_EQ(BigInt::Gcd(p - 1, q - 1), BigInt(2));
}

TEST(PaillierKey, ItNeitherCopiesNorPrints) {
  EXPECT_FALSE(std::is_copy_constructible_v<PrivateKey>);
  EXPECT_FALSE(std::is_copy_assignable_v<PrivateKey>);
  EXPECT_TRUE(std::is_nothrow_move_constructible_v<PrivateKey>);
}

TEST(PaillierKey, InconsistentPrimesAreRefused) {
  const auto [p, q] = TestKey().ExposePrimes();
  EXPECT_TRUE(PrivateKey::FromPrimes(q, p).ok());
  EXPECT_FALSE(PrivateKey::FromPrimes(p, p).ok());
  EXPECT_FALSE(PrivateKey::FromPrimes(p, q + 1).ok());
  EXPECT_FALSE(PrivateKey::FromPrimes(p, RandomPrime3Mod4(600)).ok());
  EXPECT_FALSE(PrivateKey::FromPrimes(-p, -q).ok());
  EXPECT_EQ(Message(PrivateKey::FromPrimes(3135138029, 2147496017).status()),
            "key size 63 is too small, minimum is 1024");
}

// FATE takes the next prime after a random number, whatever it is modulo 4.
TEST(PaillierKey, PrimesMadeElsewhereNeedNotBe3Modulo4) {
  const auto prime_1_mod_4 = [] {
    BigInt prime;
    do {
      prime = (Random::Bits(511) + BigInt::PowerOfTwo(511) + BigInt::PowerOfTwo(510)).NextPrime();
    } while (prime.BitLength() != 512 || prime.Mod(4) != 1);
    return prime;
  };
  const PrivateKey key = *PrivateKey::FromPrimes(prime_1_mod_4(), prime_1_mod_4());
  const std::vector<BigInt> values = {0, 1, key.public_key().n() - 1, 123456789};
  for (const Encryptor& encryptor : {Encryptor(key.public_key()), Encryptor::ForOwner(key)}) {
    const Residues c = *encryptor.Encrypt(values);
    EXPECT_EQ(*key.Decrypt(c), values);
    EXPECT_EQ(AuditCiphertexts(key.public_key(), c).unmasked, 0u);
  }
}

// The fields of section 6.1 in the bytes of section 6.4, there and back.
TEST(PaillierKey, ItGoesThroughFatesFormat) {
  const auto [p, q] = TestKey().ExposePrimes();
  const auto bytes = SerializePaillierSecretKey(EncodedPrimes(p, q));
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto primes = ParsePaillierSecretKey(*bytes);
  ASSERT_TRUE(primes.ok()) << primes.status();
  const auto copy = PrivateKey::FromPrimes(primes->p, primes->q);
  ASSERT_TRUE(copy.ok()) << copy.status();
  const Residues c = *Encryptor(TestKey().public_key()).Encrypt({{BigInt(-7)}});
  EXPECT_THAT(*copy->DecryptSigned(c), ElementsAre(BigInt(-7)));
  const auto n = ParsePaillierPublicKey(SerializePaillierPublicKey(TestKey().public_key().n()));
  EXPECT_EQ(*PublicKey::Create(*n), TestKey().public_key());
}

// ---- subgroup keys ----

TEST(SubgroupKey, ItsPrimesAndRootHaveTheOrdersOfItsMasks) {
  const auto [p, q] = SubgroupKey().ExposePrimes();
  EXPECT_EQ(SubgroupKey().public_key().bits(), 1024);
  const BigInt& root = SubgroupKey().public_key().mask_root();
  for (const BigInt& prime : {p, q}) {
    EXPECT_EQ(prime.Mod(4), BigInt(3));
    EXPECT_NE(root.Mod(prime), BigInt(1));
    // A square, since its order is odd.
    EXPECT_EQ(root.PowMod((prime - 1) >> 1, prime), BigInt(1));
  }
  EXPECT_EQ(BigInt::Gcd(p - 1, q - 1), BigInt(2));
  EXPECT_EQ(Message(PrivateKey::GenerateSubgroup(512).status()),
            "key size 512 is too small, minimum is 1024");
}

TEST(SubgroupKey, ItTravelsWithItsRoot) {
  const PublicKey& key = SubgroupKey().public_key();
  const std::string bytes = key.Serialize();
  EXPECT_EQ(bytes.size(), 257u);
  EXPECT_EQ(*PublicKey::Parse(bytes), key);
  EXPECT_FALSE(*PublicKey::Create(key.n()) == key);
  EXPECT_FALSE(PublicKey::Parse(bytes.substr(0, 256)).ok());
  EXPECT_FALSE(PublicKey::Parse(bytes.substr(0, 129)).ok());
  for (const BigInt& root : {BigInt(0), BigInt(1), key.n() - 1, key.n(), -key.mask_root()}) {
    EXPECT_FALSE(PublicKey::CreateWithMaskRoot(key.n(), root).ok());
  }
  EXPECT_FALSE(PublicKey::CreateWithMaskRoot(key.n(), SubgroupKey().ExposePrimes().p).ok());
}

TEST(SubgroupKey, CiphertextsWithItsMasksAndWithOthersDecrypt) {
  const PrivateKey& key = SubgroupKey();
  const std::vector<BigInt> values = {0, 1, -1, key.public_key().max_signed(), 123456789, -5, 7};
  const PublicKey same = *PublicKey::Create(key.public_key().n());
  for (const Encryptor& encryptor :
       {Encryptor(key.public_key()), Encryptor(key.public_key(), MaskStrength::kShort),
        Encryptor::ForOwner(key), Encryptor(same)}) {
    const Residues c = *encryptor.Encrypt(values);
    EXPECT_EQ(*key.DecryptSigned(c), values);
    EXPECT_EQ(AuditCiphertexts(key.public_key(), c).unmasked, 0u);
  }
  // Both kinds in one vector.
  const Residues ours = *Encryptor(key.public_key()).Encrypt(values);
  const Residues others = *Encryptor(same).Encrypt(values);
  const Residues sum = *Add(ours, others);
  std::vector<BigInt> twice;
  for (const BigInt& value : values)
    twice.push_back(key.public_key().ToSigned((value + value).Mod(key.public_key().n())));
  EXPECT_EQ(*key.DecryptSigned(sum), twice);
  const BigInt p = key.ExposePrimes().p;
  EXPECT_FALSE(key.Decrypt(Residues(key.public_key().ring(), {&p, 1})).ok());
}

// ---- round trips ----

struct RoundTripCase {
  Isa isa;
  int bits;
};

std::vector<RoundTripCase> RoundTripCases() {
  std::vector<RoundTripCase> cases;
  for (const Isa isa : SupportedIsas()) cases.push_back({isa, 1024});
  for (const int bits : {2048, 3072}) cases.push_back({BestIsa(), bits});
  return cases;
}

class PaillierRoundTrip : public testing::TestWithParam<RoundTripCase> {
 protected:
  // The edges, then random values; a number that fills no batch.
  std::vector<BigInt> Values() const {
    const BigInt& n = public_.n();
    const BigInt& half = public_.max_signed();
    std::vector<BigInt> values = {0, 1, -1, half, -half, half - 1, 1 - half, 2, -12345};
    while (values.size() < 13) values.push_back(Random::Below(n) - half);
    return values;
  }

  PrivateKey key_ = OnIsa(TestKey(GetParam().bits), GetParam().isa);
  PublicKey public_ = key_.public_key();
};

TEST_P(PaillierRoundTrip, EveryEncryptorsCiphertextsDecryptHereAndByThePlainFormula) {
  const std::vector<BigInt> values = Values();
  const auto [p, q] = key_.ExposePrimes();
  const BigInt lambda = (p - 1) * (q - 1);
  const BigInt mu = *lambda.InverseMod(public_.n());
  for (const MaskStrength strength : {MaskStrength::kFull, MaskStrength::kShort}) {
    for (const Encryptor& encryptor :
         {Encryptor(public_, strength), Encryptor::ForOwner(key_, strength)}) {
      const Residues c = *encryptor.Encrypt(values);
      EXPECT_EQ(*key_.DecryptSigned(c), values);
      const std::vector<BigInt> integers = c.Leave();
      for (size_t i = 0; i < values.size(); i += 4) {  // Paillier's own decryption
        const BigInt power = integers[i].PowMod(lambda, public_.n_squared());
        const BigInt m = ((power - 1) / public_.n() * mu).Mod(public_.n());
        EXPECT_EQ(m, values[i].Mod(public_.n()));
      }
    }
  }
}

TEST_P(PaillierRoundTrip, EveryCiphertextIsAMaskedResidueAndEqualPlaintextsDiffer) {
  const std::vector<BigInt> values(9, BigInt(-1));
  std::vector<BigInt> seen;
  for (const Encryptor& encryptor : {Encryptor(public_), Encryptor::ForOwner(key_)}) {
    Residues c = *encryptor.Encrypt(values);
    for (int round = 0; round < 2; ++round) {
      EXPECT_EQ(AuditCiphertexts(public_, c).unmasked, 0u);
      for (const BigInt& integer : c.Leave()) {
        EXPECT_FALSE(integer.IsNegative());
        EXPECT_LT(integer, public_.n_squared());
        seen.push_back(integer);
      }
      ASSERT_TRUE(encryptor.Rerandomize(c).ok());
      EXPECT_EQ(*key_.DecryptSigned(c), values);
    }
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
}

INSTANTIATE_TEST_SUITE_P(Keys, PaillierRoundTrip, testing::ValuesIn(RoundTripCases()),
                         [](const auto& info) {
                           return std::string(IsaName(info.param.isa)) + "_" +
                                  std::to_string(info.param.bits);
                         });

TEST(Paillier, VectorsOfAnyLengthOnSeveralThreads) {
  const WorkerPool pool(3);
  const Encryptor encryptor(TestKey().public_key());
  const Encryptor owner = Encryptor::ForOwner(TestKey());
  for (const size_t count : {0, 1, 7, 8, 65, 200}) {
    std::vector<BigInt> values;
    for (size_t i = 0; i < count; ++i) values.push_back(Random::Bits(1000));
    for (const Encryptor* one : {&encryptor, &owner}) {
      EXPECT_EQ(*TestKey().Decrypt(*one->Encrypt(values, pool), pool), values) << count;
    }
  }
}

TEST(Paillier, PlaintextsOutsideTheRangeAreRefused) {
  const PublicKey& key = TestKey().public_key();
  const Encryptor encryptor(key);
  for (const BigInt& bad : {key.n(), key.n() + 5, -key.max_signed() - 1, -key.n()}) {
    const std::vector<BigInt> values = {1, 2, bad};
    EXPECT_THAT(Message(encryptor.Encrypt(values).status()), HasSubstr("plaintext 2 of 3"));
    Residues c = *encryptor.Encrypt(std::vector<BigInt>(3, BigInt(1)));
    EXPECT_THAT(Message(key.AddPlaintexts(c, values)), HasSubstr("plaintext 2 of 3"));
  }
}

TEST(Paillier, EveryEncryptionIsCountedWithItsMask) {
  const Encryptor encryptor(TestKey().public_key());
  const uint64_t encryptions = GlobalCounters().encryptions, masks = GlobalCounters().masks;
  Residues c = *encryptor.Encrypt(std::vector<BigInt>(7, BigInt(1)));
  ASSERT_TRUE(encryptor.Rerandomize(c).ok());
  EXPECT_EQ(GlobalCounters().encryptions - encryptions, 7u);
  EXPECT_EQ(GlobalCounters().masks - masks, 14u);
}

// ---- homomorphic identities ----

BigInt AnyInt(int bits) {
  const std::string bytes =
      *rc::gen::container<std::string>(static_cast<size_t>(bits) / 8, rc::gen::arbitrary<char>());
  const BigInt magnitude = BigInt::FromBytes(bytes);
  return *rc::gen::arbitrary<bool>() ? magnitude : -magnitude;
}

RC_GTEST_PROP(PaillierProperty, SumsDifferencesAndMultiplesDecryptToThoseOfThePlaintexts, ()) {
  static const Encryptor encryptor(TestKey().public_key());
  const PublicKey& key = TestKey().public_key();
  const BigInt a = AnyInt(900), b = AnyInt(900);
  const int64_t k = *rc::gen::arbitrary<int64_t>();
  const Residues ca = *encryptor.Encrypt({&a, 1}), cb = *encryptor.Encrypt({&b, 1});
  const auto decrypt = [](const Residues& c) { return (*TestKey().DecryptSigned(c))[0]; };
  RC_ASSERT(decrypt(*Add(ca, cb)) == a + b);
  RC_ASSERT(decrypt(*Subtract(ca, cb)) == a - b);
  RC_ASSERT(decrypt(*Negate(ca)) == -a);
  RC_ASSERT(decrypt(*MultiplyPlain(ca, Multipliers({&k, 1}))) == a * BigInt(k));
  Residues shifted = ca;
  RC_ASSERT(key.AddPlaintexts(shifted, {&b, 1}).ok());
  RC_ASSERT(decrypt(shifted) == a + b);
}

// ---- ciphertexts from elsewhere ----

TEST(ReceivedCiphertexts, HostileOnesAreRefused) {
  const PublicKey& key = TestKey().public_key();
  const BigInt good = (*Encryptor(key).Encrypt({{BigInt(42)}})).Leave()[0];
  const auto [p, q] = TestKey().ExposePrimes();
  for (const BigInt& bad : {BigInt(0), key.n_squared(), -key.n_squared(), key.n_squared() + good,
                            key.n(), p, q * 12345}) {
    const std::vector<BigInt> integers = {good, bad, good};
    CiphertextAudit audit;
    EXPECT_THAT(Message(AdmitCiphertexts(key, integers, &audit).status()),
                HasSubstr("ciphertext 1 of 3"));
    EXPECT_EQ(audit.ciphertexts, 0u);
  }
  const std::vector<BigInt> integers = {good, good - key.n_squared()};
  CiphertextAudit audit;
  const auto admitted = AdmitCiphertexts(key, integers, &audit);
  ASSERT_TRUE(admitted.ok()) << admitted.status();
  EXPECT_THAT(*TestKey().Decrypt(*admitted), ElementsAre(BigInt(42), BigInt(42)));
  EXPECT_EQ(audit.ciphertexts, 2u);
  EXPECT_EQ(audit.negative, 1u);
  EXPECT_EQ(audit.unmasked, 0u);
}

TEST(ReceivedCiphertexts, BytesComeBackAndOtherSizesAreRefused) {
  const PublicKey& key = TestKey().public_key();
  const Residues c = *Encryptor(key).Encrypt({{BigInt(1), BigInt(2), BigInt(3)}});
  const std::string bytes = Serialize(c);
  EXPECT_EQ(bytes.size(), 3 * 256u);
  EXPECT_EQ(AdmitCiphertexts(key, bytes)->Leave(), c.Leave());
  EXPECT_FALSE(AdmitCiphertexts(key, bytes.substr(1)).ok());
  EXPECT_FALSE(AdmitCiphertexts(key, std::string(256, '\xff')).ok());
  EXPECT_FALSE(AdmitCiphertexts(key, std::string(256, '\0')).ok());
  EXPECT_TRUE(AdmitCiphertexts(key, "").ok());
}

TEST(ReceivedCiphertexts, TheUnmaskedAreCounted) {
  const PublicKey& key = TestKey().public_key();
  const std::vector<BigInt> values(20, BigInt(7));
  Residues c = *Encryptor(key).Encrypt(values);
  EXPECT_EQ(AuditCiphertexts(key, c).unmasked, 0u);
  EXPECT_EQ(AuditCiphertexts(key, *key.EncodeUnmasked(values)).unmasked, 20u);
  const Residues unmasked = *key.EncodeUnmasked({{BigInt(5)}});
  std::copy_n(unmasked[0], key.ring()->words(), c[11]);
  EXPECT_EQ(AuditCiphertexts(key, c).unmasked, 1u);
  CiphertextAudit audit;
  ASSERT_TRUE(AdmitCiphertexts(key, c.Leave(), &audit).ok());
  EXPECT_EQ(audit.unmasked, 1u);
}

TEST(PaillierDecryption, WhatWasMadeForAnotherKeyIsRefused) {
  const Residues other = *Encryptor(TestKey(2048).public_key()).Encrypt({{BigInt(1)}});
  EXPECT_THAT(Message(TestKey().Decrypt(other).status()), HasSubstr("another key"));
  EXPECT_FALSE(TestKey().Decrypt(Residues()).ok());
  const PublicKey& key = TestKey().public_key();
  const BigInt p = TestKey().ExposePrimes().p;
  for (const BigInt& bad : {BigInt(0), p, key.n()}) {
    EXPECT_THAT(Message(TestKey().Decrypt(Residues(key.ring(), {&bad, 1})).status()),
                HasSubstr("shares a factor"));
  }
}

}  // namespace
}  // namespace fate::crypto::paillier
