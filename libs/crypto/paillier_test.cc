#include "crypto/paillier.h"

#include <gtest/gtest.h>

#include "base/status.h"
#include "crypto/paillier_encryptor.h"
#include "crypto/paillier_sum.h"
#include "crypto/random.h"

namespace fate::crypto {
namespace {

BigInt Number(const char* decimal) { return *BigInt::FromDecimal(decimal); }

// One key for all tests: making it takes most of their time.
const PaillierPrivateKey& Key() {
  static const auto& key = *new PaillierPrivateKey(*PaillierPrivateKey::Generate(1024));
  return key;
}

// The toy key of section 16.1.
class ToyKey : public testing::Test {
 protected:
  PaillierPrivateKey key_ =
      *PaillierPrivateKey::FromPrimesForTest(BigInt(3135138029), BigInt(2147496017));
  PaillierPublicKey public_ = key_.public_key();
  // (1 + n m) r^n as upstream masks.
  Ciphertext Encrypt(const BigInt& m, const BigInt& r) const {
    return public_.Add(public_.EncodeUnmasked(m), {r.PowMod(public_.n(), public_.n_squared())});
  }
  Ciphertext first_ = Encrypt(12345, 123456789);
  Ciphertext second_ = Encrypt(-5, 987654321);
};

TEST_F(ToyKey, UnmaskedCiphertextsEqualTheVectors) {
  EXPECT_EQ(public_.n(), Number("6732696430022730493"));
  EXPECT_EQ(public_.EncodeUnmasked(12345).value, Number("83115137428630607936086"));
  EXPECT_EQ(public_.EncodeUnmasked(-5).value, Number("45329201218840819884483514505198370585"));
  EXPECT_EQ(public_.EncodeUnmasked(0).value, BigInt(1));
}

TEST_F(ToyKey, MaskedCiphertextsEqualTheVectors) {
  EXPECT_EQ(first_.value, Number("378208424941204102354228022779446300"));
  EXPECT_EQ(second_.value, Number("19314820469970456594488558459090214055"));
}

TEST_F(ToyKey, SumsAndProductsEqualTheVectors) {
  EXPECT_EQ(public_.Add(first_, second_).value, Number("28141059279098334866561928499330967556"));
  EXPECT_EQ(key_.Decrypt(public_.Add(first_, second_)), BigInt(12340));
  const Ciphertext cube = *public_.MulPlain(first_, 3);
  EXPECT_EQ(cube.value, Number("13515152368700491357766217955354136105"));
  EXPECT_EQ(key_.Decrypt(cube), BigInt(37035));
  const Ciphertext negative = *public_.MulPlain(first_, -2);
  EXPECT_EQ(negative.value, Number("44319430575424295357088158285348449516"));
  EXPECT_EQ(key_.Decrypt(negative), Number("6732696430022705803"));
  EXPECT_EQ(public_.ToSigned(key_.Decrypt(negative)), BigInt(-24690));
}

TEST_F(ToyKey, ACiphertextWithoutMaskIsRecognised) {
  EXPECT_TRUE(public_.IsUnmasked(public_.EncodeUnmasked(12345)));
  EXPECT_FALSE(public_.IsUnmasked(first_));
}

TEST(Paillier, KeySizesOutsideTheBoundsAreRefused) {
  EXPECT_EQ(Message(PaillierPrivateKey::Generate(512).status()),
            "key size 512 is too small, minimum is 1024");  // section 18, D4
  EXPECT_FALSE(PaillierPrivateKey::Generate(16384).ok());
  EXPECT_FALSE(PaillierPrivateKey::Generate(1025).ok());
  EXPECT_FALSE(PaillierPublicKey::Create(BigInt::PowerOfTwo(1023)).ok());  // even
  EXPECT_FALSE(PaillierPublicKey::Create(BigInt::PowerOfTwo(500) + 1).ok());
  EXPECT_FALSE(PaillierPublicKey::Parse(std::string(1 << 20, '\x7f')).ok());
}

TEST(Paillier, AKeyHasTheLengthAskedForAndTravels) {
  EXPECT_EQ(Key().public_key().bits(), 1024);
  const auto copy = PaillierPublicKey::Parse(Key().public_key().Serialize());
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(copy->n(), Key().public_key().n());
  EXPECT_EQ(copy->ciphertext_bytes(), 256u);
}

TEST(Paillier, RandomRoundTripsWithSumsAndProducts) {
  const PaillierEncryptor encryptor(Key().public_key());
  const PaillierOwnerEncryptor owner(Key());
  const PaillierPublicKey& key = Key().public_key();
  for (int i = 0; i < 20; ++i) {
    const BigInt a = Random::Bits(400) - Random::Bits(400), b = Random::Bits(300);
    const BigInt k = Random::Bits(53) - Random::Bits(53);
    const Ciphertext ca = encryptor.Encrypt(a), cb = owner.Encrypt(b);
    const auto decrypt = [&](const Ciphertext& c) { return key.ToSigned(Key().Decrypt(c)); };
    EXPECT_EQ(decrypt(ca), a);
    EXPECT_EQ(decrypt(cb), b);
    EXPECT_EQ(decrypt(key.Add(ca, cb)), a + b);
    EXPECT_EQ(decrypt(key.AddPlain(ca, -b)), a - b);
    EXPECT_EQ(decrypt(*key.MulPlain(ca, k)), a * k);
    EXPECT_EQ(decrypt(encryptor.Rerandomize(ca)), a);
  }
}

TEST(Paillier, EqualPlaintextsGiveDifferentMaskedResiduesInRange) {
  const PaillierEncryptor encryptor(Key().public_key());
  const PaillierOwnerEncryptor owner(Key());
  const PaillierPublicKey& key = Key().public_key();
  std::vector<Ciphertext> seen;
  for (int i = 0; i < 10; ++i) {
    for (const Ciphertext& c : {encryptor.Encrypt(-1), owner.Encrypt(-1)}) {
      EXPECT_FALSE(c.value.IsNegative());
      EXPECT_LT(c.value, key.n_squared());
      EXPECT_FALSE(key.IsUnmasked(c));
      for (const Ciphertext& other : seen) EXPECT_NE(c, other);
      seen.push_back(c);
    }
  }
  EXPECT_NE(encryptor.Rerandomize(seen[0]), seen[0]);
}

TEST(Paillier, EveryEncryptionIsCountedWithItsMask) {
  const PaillierEncryptor encryptor(Key().public_key());
  const uint64_t encryptions = GlobalPaillierCounters().encryptions;
  const uint64_t masks = GlobalPaillierCounters().masks;
  for (int i = 0; i < 7; ++i) encryptor.Encrypt(i);
  encryptor.Rerandomize(encryptor.Encrypt(0));
  EXPECT_EQ(GlobalPaillierCounters().encryptions - encryptions, 8u);
  EXPECT_EQ(GlobalPaillierCounters().masks - masks, 9u);
}

TEST(Paillier, ALongSumEqualsTheSumOfThePlaintexts) {
  const PaillierEncryptor encryptor(Key().public_key());
  PaillierSum sum(Key().public_key());
  EXPECT_EQ(sum.Finish(), Key().public_key().EncodeUnmasked(0));
  for (int i = 1; i <= 100; ++i) sum.Add(encryptor.Encrypt(i));
  EXPECT_EQ(sum.terms(), 100u);
  EXPECT_EQ(Key().Decrypt(sum.Finish()), BigInt(5050));
}

TEST(Paillier, HostileCiphertextsAreRefused) {
  const PaillierPublicKey& key = Key().public_key();
  const size_t size = key.ciphertext_bytes();
  EXPECT_FALSE(key.ParseCiphertext("").ok());
  EXPECT_FALSE(key.ParseCiphertext(std::string(size, '\0')).ok());
  EXPECT_FALSE(key.ParseCiphertext(std::string(size, '\xff')).ok());
  EXPECT_FALSE(key.ParseCiphertext(key.n_squared().ToBytes(size)).ok());
  EXPECT_FALSE(key.ParseCiphertext(std::string(size - 1, '\x01')).ok());
  const Ciphertext c = PaillierEncryptor(key).Encrypt(42);
  EXPECT_EQ(key.SerializeCiphertext(c).size(), size);
  EXPECT_EQ(*key.ParseCiphertext(key.SerializeCiphertext(c)), c);
}

TEST(FixedBase, PowersEqualThePlainOnes) {
  const BigInt n = Random::Bits(700) * 2 + 1;
  const Montgomery modulus(n);
  for (int bits : {1, 63, 64, 65, 200}) {
    const BigInt base = Random::Below(n);
    const FixedBase table(modulus, base, bits);
    for (const BigInt& exponent : {BigInt(0), BigInt(1), BigInt::PowerOfTwo(bits) - 1,
                                   Random::Bits(bits), Random::Bits(bits)}) {
      EXPECT_EQ(modulus.Leave(table.Power(exponent)), base.PowMod(exponent, n)) << bits;
    }
  }
}

TEST(Montgomery, MultipliesAtTheEdges) {
  for (const char* text : {"3", "18446744073709551615", "18446744073709551617",
                           "340282366920938463463374607431768211455"}) {
    const BigInt n = Number(text);
    const Montgomery modulus(n);
    Montgomery::Element scratch(2 * modulus.limbs());
    for (const BigInt& a : {BigInt(0), BigInt(1), n - 1, Random::Below(n)}) {
      Montgomery::Element x = modulus.Enter(a), y = modulus.Enter(n - 1);
      modulus.Multiply(y.data(), x.data(), y.data(), scratch.data());
      EXPECT_EQ(modulus.Leave(y), (a * (n - 1)).Mod(n));
      modulus.Square(x.data(), x.data(), scratch.data());
      EXPECT_EQ(modulus.Leave(x), (a * a).Mod(n));
    }
  }
}

}  // namespace
}  // namespace fate::crypto
