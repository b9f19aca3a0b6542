// The byte formats of spec/federated-algorithms.md 6.4, with the vectors of 16.1.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/status.h"
#include "crypto/encoding/bincode.h"
#include "crypto/encoding/fate_keys.h"
#include "crypto/encoding/fate_vectors.h"

namespace fate::crypto {
namespace {

using testing::HasSubstr;

const BigInt kToyN(6732696430022730493);
const BigInt kToyP(2147496017), kToyQ(3135138029);

// Spaces are for the reader.
std::string Bytes(std::string_view hex) {
  std::string digits;
  for (const char c : hex) {
    if (c != ' ') digits += c;
  }
  return BigInt::FromHex(digits)->ToBytes(digits.size() / 2);
}

BigInt Decimal(std::string_view text) { return *BigInt::FromDecimal(text); }

std::string Written(const BigInt& value) {
  BincodeWriter writer;
  writer.Big(value);
  return writer.Take();
}

struct BigRow {
  std::string_view decimal, hex;
};

constexpr BigRow kBigTable[] = {
    {"0", "0a000000 0100000000000000 30"},
    {"255", "0a000000 0300000000000000 323535"},
    {"-7", "0a000000 0200000000000000 2d37"},
    {"4294967295", "0a000000 0a00000000000000 34323934393637323935"},
    {"4294967296", "10000000 0900000000000000 313030303030303030"},
    {"-1099511627776", "10000000 0c00000000000000 2d3130303030303030303030"},
    {"100000000000000000000", "10000000 1100000000000000 3536626337356532643633313030303030"},
    {"-33663482150113652464", "10000000 1200000000000000 2d3164333263623661386134336132656630"}};

TEST(FateBytes, BigIntegersAreThoseOfTheTable) {
  for (const BigRow& row : kBigTable) {
    const std::string bytes = Bytes(row.hex);
    EXPECT_EQ(Written(Decimal(row.decimal)), bytes) << row.decimal;
    BincodeReader reader(bytes);
    EXPECT_EQ(reader.Big("x", 80)->ToDecimal(), row.decimal);
    EXPECT_TRUE(reader.ExpectEnd().ok());
  }
}

RC_GTEST_PROP(FateBytes, BigIntegersComeBack, ()) {
  const auto digits = *rc::gen::container<std::string>(rc::gen::inRange('0', '9'));
  const BigInt value = Decimal((*rc::gen::arbitrary<bool>() ? "-1" : "1") + digits);
  const std::string bytes = Written(value);
  BincodeReader reader(bytes);
  RC_ASSERT(*reader.Big("x", value.BitLength()) == value);
  BincodeReader strict(bytes);
  RC_ASSERT(!strict.Big("x", value.BitLength() - 1).ok());
}

std::string ReadError(std::string_view hex) {
  const std::string bytes = Bytes(hex);
  return Message(BincodeReader(bytes).Big("x", 64).status());
}

TEST(FateBytes, BadBigIntegersAreNamed) {
  EXPECT_EQ(ReadError("0b000000 0100000000000000 30"),
            "x at offset 0 has radix 11; FATE writes 10 or 16");
  EXPECT_EQ(ReadError("0a000000 ffffffffffffffff 30"),
            "x at offset 0 has 18446744073709551615 digits; 64 bits are allowed");
  EXPECT_EQ(ReadError("0a000000 0300000000000000 30"),
            "x at offset 12 needs 3 bytes but 1 are left");
  EXPECT_EQ(ReadError("0a000000 0100000000000000 61"), "x at offset 0 is no number in base 10");
  EXPECT_EQ(ReadError("0a000000 0000000000000000"), "x at offset 0 is no number in base 10");
  EXPECT_EQ(ReadError("10000000 1100000000000000 3130303030303030303030303030303030"),
            "x at offset 0 has 65 bits; 64 are allowed");
  EXPECT_EQ(ReadError("10"), "x at offset 0 needs 4 bytes but 1 are left");
}

TEST(FateBytes, PaillierKeysAreThoseOfTheTable) {
  const std::string public_key = Bytes(
      "10000000100000000000000035643666353762623534306261326664 "
      "10000000200000000000000032323161313632623464393433326236663663356237316237313833326530"
      "3910000000100000000000000032656237616264646161303564313765");
  ASSERT_EQ(public_key.size(), 100u);
  EXPECT_EQ(SerializePaillierPublicKey(kToyN), public_key);
  EXPECT_EQ(*ParsePaillierPublicKey(public_key), kToyN);

  const std::string coder = Bytes(
      "1000000010000000000000003564366635376262353430626132666410000000100000000000000032656237"
      "616264646161303564313765");
  ASSERT_EQ(coder.size(), 56u);
  EXPECT_EQ(SerializePaillierCoder(kToyN), coder);
  EXPECT_EQ(*ParsePaillierCoder(coder), kToyN);
}

TEST(FateBytes, PaillierSecretKeyHoldsFatesDerivedFields) {
  const auto bytes = SerializePaillierSecretKey({kToyP, kToyQ});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  BincodeReader reader(*bytes);
  std::vector<BigInt> fields;
  for (int i = 0; i < 10; ++i) fields.push_back(*reader.Big("field", 128));
  EXPECT_TRUE(reader.ExpectEnd().ok());
  EXPECT_EQ(fields, (std::vector<BigInt>{kToyP, kToyQ, kToyN, kToyP - 1, kToyQ - 1, kToyP * kToyP,
                                         kToyQ * kToyQ, 738795292, 506057447, 2396342737}));
  const auto primes = ParsePaillierSecretKey(*bytes);
  ASSERT_TRUE(primes.ok()) << primes.status();
  EXPECT_EQ(primes->p, kToyP);
  EXPECT_EQ(primes->q, kToyQ);
}

TEST(FateBytes, KeysWhoseFieldsDisagreeAreRefused) {
  BincodeWriter writer;
  for (const BigInt& field : {kToyN, kToyN * kToyN + 1, kToyN / BigInt(2)}) writer.Big(field);
  EXPECT_EQ(Message(ParsePaillierPublicKey(writer.Take()).status()),
            "n^2 does not fit the key's other fields");
  EXPECT_EQ(Message(ParsePaillierPublicKey(SerializePaillierPublicKey(kToyN + 1)).status()),
            "the modulus n of 63 bits is no product of odd primes");
  EXPECT_EQ(Message(ParsePaillierPublicKey(SerializePaillierPublicKey(kToyN) + "x").status()),
            "1 bytes are left over after offset 100");
  EXPECT_THAT(Message(SerializePaillierSecretKey({kToyQ, kToyP}).status()),
              HasSubstr("not odd and in rising order"));
  std::string secret = *SerializePaillierSecretKey({kToyP, kToyQ});
  secret.back() ^= 1;
  EXPECT_EQ(Message(ParsePaillierSecretKey(secret).status()),
            "hq does not fit the key's other fields");
}

TEST(FateBytes, OuKeysComeBackAndAreChecked) {
  // The toy key of 16.2.
  const BigInt p(1000003), q(1000033), n(1000039000207000297), h(120955393693569691);
  const auto public_key = ParseOuPublicKey(SerializeOuPublicKey({n, 2, h}));
  ASSERT_TRUE(public_key.ok()) << public_key.status();
  EXPECT_EQ(public_key->h, h);
  EXPECT_THAT(Message(ParseOuPublicKey(SerializeOuPublicKey({n, 2, n})).status()),
              HasSubstr("lie in [1, n)"));
  const auto secret_key = ParseOuSecretKey(SerializeOuSecretKey({p, q, 2}));
  ASSERT_TRUE(secret_key.ok()) << secret_key.status();
  EXPECT_EQ(secret_key->p, p);
  EXPECT_EQ(secret_key->q, q);
  EXPECT_THAT(Message(ParseOuSecretKey(SerializeOuSecretKey({p, p, 2})).status()),
              HasSubstr("do not make a key"));
  EXPECT_TRUE(ParseOuCoder(SerializeOuCoder()).ok());
  EXPECT_FALSE(ParseOuCoder("x").ok());
}

TEST(FateBytes, CiphertextsAreThoseOfTheTable) {
  const std::string bytes = Bytes(
      "0200000000000000 1000000014000000000000003131393961653364613837376535323662613536 00000000 "
      "1000000011000000000000003238653062363631663463353137346563 fdffffff");
  ASSERT_EQ(bytes.size(), 77u);
  const std::vector<BigInt> values{Decimal("83115137428630607936086"), BigInt(7) * kToyN + 1};
  const std::vector<int32_t> exponents{0, -3};
  EXPECT_EQ(SerializeCiphertexts(values, exponents), bytes);
  const auto received = ParseCiphertexts(bytes, kToyN * kToyN);
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(received->values, values);
  EXPECT_EQ(received->exponents, exponents);
  EXPECT_EQ(received->negatives, 0u);
}

TEST(FateBytes, NegativeAndUnreducedCiphertextsBecomeLeastResidues) {
  const BigInt modulus = kToyN * kToyN;
  BincodeWriter writer;
  writer.U64(2);
  writer.Big(Decimal("-33663482150113652464"));
  writer.I32(-13);
  writer.Big(modulus * BigInt(5) + 42);
  writer.I32(0);
  const auto received = ParseCiphertexts(writer.Take(), modulus);
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(received->values,
            (std::vector<BigInt>{Decimal("45329201218840819884483514505198370585"), BigInt(42)}));
  EXPECT_EQ(received->negatives, 1u);
}

TEST(FateBytes, HostileVectorsAreRefusedBeforeMemoryIsTaken) {
  BincodeWriter many;
  many.U64(uint64_t{1} << 60);
  const std::string bytes = many.Take();
  EXPECT_EQ(Message(ParseCiphertexts(bytes, kToyN).status()),
            "the count of ciphertexts at offset 0 is 1152921504606846976, but only 0 bytes follow");
  EXPECT_THAT(Message(ParsePlaintexts(bytes, 64).status()), HasSubstr("count of plaintexts"));
  BincodeWriter zero;
  zero.U64(1);
  zero.Big(kToyN);
  zero.I32(0);
  EXPECT_EQ(Message(ParseCiphertexts(zero.Take(), kToyN).status()),
            "ciphertext 0 of 1 is 0 modulo the key's modulus");
}

TEST(FateBytes, PlaintextsKeepTheirSigns) {
  const std::vector<FixedPointNumber> numbers{{-4503599627370496, -13}, {0, 0}, {kToyN - 5, 0}};
  EXPECT_EQ(*ParsePlaintexts(SerializePlaintexts(numbers), 63), numbers);
  EXPECT_FALSE(ParsePlaintexts(SerializePlaintexts(numbers), 62).ok());
}

TEST(FateBytes, QuantileSummariesComeBack) {
  const QuantileSummary summary{{{-1.5, 1, 0}, {0.25, 2, 1}, {7, 1, 0}}, 1e-4, 4};
  const std::string bytes = SerializeQuantileSummary(summary);
  EXPECT_EQ(bytes.size(), 1u + 8 + 3 * 24 + 8 + 8);
  EXPECT_EQ(*ParseQuantileSummary(bytes), summary);
  EXPECT_EQ(*ParseQuantileSummary(SerializeQuantileSummary(std::nullopt)), std::nullopt);
}

TEST(FateBytes, QuantileSummariesThatDoNotAddUpAreRefused) {
  const auto error = [](const QuantileSummary& summary) {
    return Message(ParseQuantileSummary(SerializeQuantileSummary(summary)).status());
  };
  EXPECT_THAT(error({{{1, 1, 0}, {0, 1, 0}}, 0.1, 2}), HasSubstr("tuple 1"));
  EXPECT_THAT(error({{{NAN, 1, 0}}, 0.1, 1}), HasSubstr("out of order"));
  EXPECT_THAT(error({{{1, 3, 0}}, 0.1, 2}), HasSubstr("counts more than its 2"));
  EXPECT_THAT(error({{{1, 1, 0}}, 0.1, 2}), HasSubstr("count 1 of its 2"));
  EXPECT_THAT(error({{}, 1.5, 0}), HasSubstr("between 0 and 1"));
  EXPECT_THAT(Message(ParseQuantileSummary("\2").status()), HasSubstr("marker"));
}

}  // namespace
}  // namespace fate::crypto
