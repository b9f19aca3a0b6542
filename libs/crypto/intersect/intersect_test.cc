#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <set>

#include "base/status.h"
#include "base/text.h"
#include "crypto/intersect/dh.h"
#include "crypto/intersect/ecdh.h"
#include "crypto/intersect/id_hash.h"
#include "crypto/intersect/rsa.h"
#include "crypto/random.h"

namespace fate::crypto::intersect {
namespace {

// Ids "0", "1"... and views of them.
struct Ids {
  explicit Ids(int count) {
    for (int i = 0; i < count; ++i) texts.push_back(std::to_string(i));
    views.assign(texts.begin(), texts.end());
  }
  std::vector<std::string> texts;
  std::vector<std::string_view> views;
};

std::string Error(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(Message(status));
}

// ---- hashes ----

TEST(IdHash, AnswersOfTheSpecification) {  // 16.3, 16.4
  EXPECT_EQ(IdHash::Create("sha256")->Hex("133"),
            "d2f483672c0239f6d7dd3c9ecee6deacbcd59185855625902a8b1c1a3bd67440");
  EXPECT_EQ(IdHash::Create("sm3")->Hex("1"),
            "cbdddb8e8421b23498480570d7d75330538a6882f5dfdc3b64115c647f3328c4");
}

TEST(IdHash, TheSaltComesBehindTheText) {
  for (const char* method :
       {"md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sm3", "none"}) {
    const IdHash plain = *IdHash::Create(method), salted = *IdHash::Create(method, "lt");
    EXPECT_EQ(salted.Hex("sa"), plain.Hex("salt")) << method;
    EXPECT_NE(salted.Hex("sa"), plain.Hex("sa")) << method;
  }
}

TEST(IdHash, NoneKeepsTheTextAndBase64Pads) {
  const IdHash none = *IdHash::Create("none");
  EXPECT_EQ(none.Hex("abc"), "abc");
  EXPECT_EQ(none.Base64("abc"), "YWJj");
  EXPECT_EQ(none.Base64("ab"), "YWI=");
  EXPECT_EQ(none.Base64(""), "");
  EXPECT_EQ(IdHash::Create("md5")->Base64("abc"), "kAFQmDzST7DWlj99KOF/cg==");  // RFC 1321 A.5
}

TEST(IdHash, AnUnknownMethodIsNamed) {
  EXPECT_EQ(Error(IdHash::Create("sha3").status()),
            "unknown hash function 'sha3'; use one of md5, sha1, sha224, sha256, sha384, sha512, "
            "sm3");
}

TEST(IdHash, IntegersAreThoseOfTheTextAndErrorsNameTheId) {
  const WorkerPool pool(2);
  const Ids ids(300);
  const IdHash sha256 = *IdHash::Create("sha256"), none = *IdHash::Create("none");
  const auto numbers = *HashToIntegers(sha256, ids.views, pool);
  const auto text_numbers = *HashToTextIntegers(sha256, ids.views, pool);
  for (size_t i = 0; i < ids.views.size(); ++i) {
    EXPECT_EQ(numbers[i], *BigInt::FromHex(sha256.Hex(ids.views[i])));
    EXPECT_EQ(text_numbers[i], BigInt::FromBytes(sha256.Hex(ids.views[i])));
  }
  std::vector<std::string_view> bad = {"ab", "Grüße", ""};
  EXPECT_EQ((*HashToTextIntegers(none, std::span(bad).first(1)))[0], BigInt(0x6162));
  EXPECT_EQ((*HashToIntegers(none, std::span(bad).first(1)))[0], BigInt(0xab));
  EXPECT_EQ(Error(HashToIntegers(none, bad).status()),
            "id 1 is no hexadecimal number, which hash_method none needs; choose sha256");
  EXPECT_EQ(Error(HashToTextIntegers(none, bad).status()),
            "id 1 is empty or not ASCII, which hash_method none cannot encrypt; choose sha256");
}

// ---- RSA ----

// Section 16.3.
const BigInt& ToyP() {
  static const BigInt p = *BigInt::FromDecimal("1461501637330902918203684832716283019655932543267");
  return p;
}
RsaPrivateKey ToyKey(Isa isa) {
  const BigInt q = *BigInt::FromDecimal("2923003274661805836407369665432566039311865086059");
  return *RsaPrivateKey::FromPrimesForTest(ToyP(), q, 65537, isa);
}

const RsaPrivateKey& TestKey() {
  static const RsaPrivateKey& key = *new RsaPrivateKey(*RsaPrivateKey::Generate(1024));
  return key;
}

class IntersectOnEveryIsa : public testing::TestWithParam<Isa> {};

TEST_P(IntersectOnEveryIsa, RsaEqualsTheVectorDirectlyAndThroughBlinding) {
  const RsaPrivateKey key = ToyKey(GetParam());
  const IdHash sha256 = *IdHash::Create("sha256");
  const std::string_view id = "133";
  const std::vector<BigInt> hashed = *HashToIntegers(sha256, {&id, 1});
  const std::string expected = "cd97396692a1332dee99eb1b5dee3d14319f0884a3e48eda100fbc89bebd22f5";
  EXPECT_EQ(HashNumbers(sha256, *key.Sign(hashed))[0], expected);

  const std::vector<BigInt> r = {*BigInt::FromHex("0123456789abcdef0123456789abcdef")};
  const std::vector<BigInt> blinded = key.public_key().BlindBy(r, hashed);
  EXPECT_EQ(blinded[0],
            (r[0].PowMod(65537, key.public_key().n()) * hashed[0]).Mod(key.public_key().n()));
  const auto signatures = *key.public_key().Unblind(*key.Sign(blinded), r);
  EXPECT_EQ(HashNumbers(sha256, signatures)[0], expected);
}

TEST_P(IntersectOnEveryIsa, RsaSignsBatchesOfEverySizeAndEveryValue) {
  const RsaPrivateKey key = ToyKey(GetParam());
  const BigInt& n = key.public_key().n();
  std::vector<BigInt> values = {0, 1, 2, ToyP(), ToyP() - 1, ToyP() + 1, n - 1, n - ToyP()};
  while (values.size() < 130) values.push_back(Random::Below(n));
  const auto all = *key.Sign(values);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(all[i].PowMod(65537, n), values[i]);
  const WorkerPool pool(2);
  EXPECT_EQ(*key.Sign(values, pool), all);
  for (size_t size = 0; size <= 40; ++size) {
    EXPECT_EQ(*key.Sign(std::span(values).first(size)),
              std::vector(all.begin(), all.begin() + static_cast<ptrdiff_t>(size)));
  }
}

TEST_P(IntersectOnEveryIsa, DiffieHellmanPowersEqualPlainOnesAndCommute) {
  const BigInt p = *RandomStandardPrime(1024);
  const BigInt x = 65539;  // prime, no factor of p - 1
  const DhCipher a = *DhCipher::Create(p, x, GetParam()), b = *DhCipher::Random(p, GetParam());
  const Ids ids(20);
  const auto hashed = *HashToTextIntegers(*IdHash::Create("sha256"), ids.views);
  const auto once = *a.Encrypt(hashed);
  for (size_t i = 0; i < once.size(); ++i) EXPECT_EQ(once[i], hashed[i].PowMod(x, p));
  const WorkerPool pool(2);
  const auto twice = *b.Encrypt(once, pool);
  EXPECT_EQ(twice, *a.Encrypt(*b.Encrypt(hashed)));
  EXPECT_EQ(*a.Decrypt(twice), *b.Encrypt(hashed));
  EXPECT_EQ(*b.Decrypt(*a.Decrypt(twice)), hashed);
  EXPECT_TRUE(a.Encrypt({})->empty());
}

INSTANTIATE_TEST_SUITE_P(Isas, IntersectOnEveryIsa, testing::ValuesIn(SupportedIsas()),
                         [](const auto& info) { return std::string(IsaName(info.param)); });

TEST(Rsa, AWholeIntersectionFindsTheCommonIds) {
  const IdHash hash = *IdHash::Create("sha256", "salt"), last = *IdHash::Create("sha1", "salt");
  const Ids host(30), guest(20);
  const RsaPublicKey key =
      *RsaPublicKey::Create(TestKey().public_key().e(), TestKey().public_key().n());
  const auto host_digests = HashNumbers(last, *TestKey().Sign(*HashToIntegers(hash, host.views)));
  const auto blinded = key.Blind(*HashToIntegers(hash, guest.views));
  const auto signatures = key.Unblind(*TestKey().Sign(blinded.values), blinded.factors);
  EXPECT_EQ(HashNumbers(last, *signatures),
            std::vector(host_digests.begin(), host_digests.begin() + 20));
}

TEST(Rsa, BlindedValuesTellNothing) {
  const std::vector<BigInt> equal(50, BigInt(12345));
  const auto blinded = TestKey().public_key().Blind(equal);
  EXPECT_EQ(std::set(blinded.values.begin(), blinded.values.end()).size(), equal.size());
  const BigInt& n = TestKey().public_key().n();
  for (const BigInt& factor : blinded.factors) EXPECT_TRUE(factor > 0 && factor < n);
}

TEST(Rsa, SplitCalculationGoesByTheLastBit) {
  EXPECT_TRUE(IsForHostKey(*BigInt::FromHex("d2f483672c0239f7")));
  EXPECT_FALSE(IsForHostKey(*BigInt::FromHex("d2f483672c0239f6")));
}

TEST(Rsa, WrongKeysAreRefused) {
  const BigInt n = TestKey().public_key().n(), e = 65537;
  EXPECT_EQ(Error(RsaPublicKey::Create(e, n + 1).status()),
            "the RSA modulus of 1024 bits has a small factor, so it is no product of two large "
            "primes; ask the other party for its key again");
  EXPECT_EQ(Error(RsaPublicKey::Create(e, n >> 1).status()),
            "key size 1023 is too small, minimum is 1024");
  EXPECT_EQ(Error(RsaPublicKey::Create(e, -n).status()),
            "key size 0 is too small, minimum is 1024");
  for (const BigInt& wrong : {BigInt(0), BigInt(1), BigInt(-3), BigInt(65536), n}) {
    EXPECT_EQ(Error(RsaPublicKey::Create(wrong, n).status()),
              fmt::format("the RSA exponent has to be odd, at least 3 and at most 32 bits long, as "
                          "65537 is; it has {} bits",
                          wrong.BitLength()));
  }
  EXPECT_FALSE(RsaPrivateKey::Generate(512).ok());
  EXPECT_FALSE(RsaPrivateKey::Generate(1025).ok());
  const BigInt p = ToyP();
  EXPECT_FALSE(RsaPrivateKey::FromPrimes(p, p.NextPrime(), e).ok());  // too small
  EXPECT_FALSE(RsaPrivateKey::FromPrimesForTest(p, p, e).ok());
  EXPECT_FALSE(RsaPrivateKey::FromPrimesForTest(p, p + 2, e).ok());
  EXPECT_FALSE(RsaPrivateKey::FromPrimesForTest(p, 7, e).ok());
  EXPECT_FALSE(RsaPrivateKey::FromPrimesForTest(p, p.NextPrime(), p - 1).ok());
}

TEST(Rsa, WrongValuesAreRefused) {
  const RsaPrivateKey key = ToyKey(BestIsa());
  const BigInt n = key.public_key().n();
  const std::vector<BigInt> one = {1}, negative = {1, -1}, large = {n}, foreign = {ToyP()};
  const std::string text =
      "is not in [0, n) for the RSA modulus n of 322 bits: it was made with another key";
  EXPECT_EQ(Error(key.Sign(negative).status()), "value 1 " + text);
  EXPECT_EQ(Error(key.Sign(large).status()), "value 0 " + text);
  EXPECT_EQ(Error(key.public_key().Unblind(large, one).status()), "signature 0 " + text);
  EXPECT_EQ(Error(key.public_key().Unblind(one, large).status()), "blinding factor 0 " + text);
  EXPECT_EQ(Error(key.public_key().Unblind(negative, one).status()),
            "the other party signed 2 blinded ids of 1");
  EXPECT_EQ(Error(key.public_key().Unblind(one, foreign).status()),
            "element 0 has no inverse modulo the 322-bit modulus: it was not made with this key");
}

// ---- Diffie and Hellman ----

// The prime of a group that OpenSSL knows by name.
BigInt OpenSslPrime(const char* group) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "DHX", nullptr), EVP_PKEY_CTX_free);
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(group), 0),
      OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  BIGNUM* p = nullptr;
  EXPECT_EQ(EVP_PKEY_fromdata_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEY_PARAMETERS, parameters), 1);
  EXPECT_EQ(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_P, &p), 1);
  char* const hex = BN_bn2hex(p);
  BigInt prime = *BigInt::FromHex(hex);
  OPENSSL_free(hex);
  BN_free(p);
  EVP_PKEY_free(key);
  return prime;
}

TEST(Dh, StandardPrimesAreThoseOfTheStandards) {
  const auto of_1024 = *StandardPrimes(1024), of_2048 = *StandardPrimes(2048);
  ASSERT_EQ(of_1024.size(), 2u);
  ASSERT_EQ(of_2048.size(), 3u);
  EXPECT_EQ(of_1024[1], OpenSslPrime("dh_1024_160"));
  EXPECT_EQ(of_2048[1], OpenSslPrime("dh_2048_224"));
  EXPECT_EQ(of_2048[2], OpenSslPrime("dh_2048_256"));
  for (const int bits : {1024, 2048, 3072, 4096, 6144, 8192}) {
    const std::vector<BigInt> primes = *StandardPrimes(bits);
    for (const BigInt& p : primes) {
      EXPECT_EQ(p.BitLength(), bits);
      EXPECT_TRUE(p.IsOdd());
    }
    EXPECT_TRUE(DhCipher::Random(*RandomStandardPrime(bits)).ok());
  }
  EXPECT_EQ(Error(RandomStandardPrime(1536).status()),
            "no standard Diffie-Hellman group has 1536 bits; use a key_length of 1024, 2048, 3072, "
            "4096, 6144 or 8192");
}

TEST(Dh, WrongModuliAndExponentsAreRefused) {
  const BigInt p = (*StandardPrimes(2048))[0];
  EXPECT_EQ(Error(DhCipher::Random(p >> 128).status()),  // what FATE's table has
            "the Diffie-Hellman modulus of 1920 bits is no prime; the guest must send that of a "
            "standard group, as it always does with key_length 1024");
  EXPECT_FALSE(DhCipher::Random(p + 2).ok());
  EXPECT_FALSE(DhCipher::Random(-p).ok());
  EXPECT_EQ(Error(DhCipher::Random(ToyP()).status()), "key size 161 is too small, minimum is 1024");
  for (const BigInt& exponent : {BigInt(-1), BigInt(0), BigInt(1), BigInt(4), (p - 1) / 2, p}) {
    EXPECT_EQ(Error(DhCipher::Create(p, exponent).status()),
              "the Diffie-Hellman exponent is not in [2, p) or shares a factor with p - 1, so that "
              "different ids could become equal; draw another");
  }
}

TEST(Dh, ValuesThatNoExponentHidesAreRefused) {
  const BigInt p = (*StandardPrimes(1024))[0];
  const DhCipher cipher = *DhCipher::Random(p);
  for (const BigInt& value : {BigInt(0), BigInt(1), p - 1, p, p + 1, BigInt(-5)}) {
    EXPECT_EQ(Error(cipher.Encrypt(std::vector<BigInt>{2, value}).status()),
              "value 1 is negative, or 0, 1 or -1 modulo p: no id of a party that follows the "
              "protocol becomes that");
  }
}

// ---- Curve25519 ----

TEST(Ecdh, SignsTheDigestAndNotItsText) {
  const PsiSecret a = PsiSecret::Random(), b = PsiSecret::Random();
  const IdHash hash = *IdHash::Create("sha256", "salt");
  const Ids ids(100);
  const auto signatures = FirstSign(a, hash, ids.views);
  const std::string digest = hash.Bytes("7");
  EXPECT_EQ(digest.size(), 32u);
  EXPECT_EQ(signatures[7], a.FirstSign(std::vector<std::string_view>{digest})[0]);
  EXPECT_EQ(b.SecondSign(signatures), a.SecondSign(FirstSign(b, hash, ids.views)));
}

RC_GTEST_PROP(RsaProperty, UnblindingUndoesBlinding, ()) {
  static const RsaPrivateKey& key = *new RsaPrivateKey(ToyKey(BestIsa()));
  const auto texts = *rc::gen::arbitrary<std::vector<std::string>>();
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto hashed = *HashToIntegers(*IdHash::Create("md5"), views);
  const auto blinded = key.public_key().Blind(hashed);
  RC_ASSERT(*key.public_key().Unblind(*key.Sign(blinded.values), blinded.factors) ==
            *key.Sign(hashed));
}

}  // namespace
}  // namespace fate::crypto::intersect
