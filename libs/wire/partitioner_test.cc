#include "wire/partitioner.h"

#include <gtest/gtest.h>

#include "base/status.h"
#include "base/text.h"

namespace fate::wire {
namespace {

Partitioner OfType(int type) { return *Partitioner::FromType(type); }

// Section 15.2: raw keys.
TEST(PartitionerTest, RawKeysFallWhereTheSpecSays) {
  struct Case {
    const char* key_hex;
    int32_t murmur;
    int mod4, mod3, integer4, jump4;
  };
  const Case cases[] = {
      {"", 0, 0, 0, 0, 0},
      {"61", 1009084850, 2, 2, 1, 3},
      {"62", -1780580861, 3, 1, 2, 2},
      {"6162", -1681926305, 3, 1, 2, 0},
      {"616263", -1277324294, 2, 1, 3, 3},
      {"61626364", 1139631978, 2, 0, 0, 2},
      {"6b31", -37330902, 2, 0, 1, 1},
      {"6b32", -667516984, 0, 2, 2, 3},
      {"68656c6c6f", 613153351, 3, 1, 3, 3},
      {"68656c6c6f2c20776f726c64", 345750399, 3, 0, 0, 3},
      {"00", 1364076727, 3, 1, 0, 1},
      {"ff", -43192051, 1, 2, 3, 1},
      {"ffffffff", 1982413648, 0, 1, 3, 2},
      {"0000000000000000", 1669671676, 0, 1, 0, 3},
      {"0000000000000001", 1759100286, 2, 0, 1, 3},
      {"0000000000000005", -1070398790, 2, 1, 1, 0},
      {"00000000000000ff", 1293757574, 2, 2, 3, 1},
      {"0000011f71fb04cb", -2117930075, 1, 1, 3, 2},
  };
  for (const Case& c : cases) {
    std::string key = *HexDecode(c.key_hex);
    EXPECT_EQ(Murmur3(key), c.murmur) << c.key_hex;
    for (int type : {0, 2}) {
      EXPECT_EQ(OfType(type).PartitionOf(key, 4), c.mod4) << c.key_hex;
      EXPECT_EQ(OfType(type).PartitionOf(key, 3), c.mod3) << c.key_hex;
    }
    EXPECT_EQ(OfType(1).PartitionOf(key, 4), c.integer4) << c.key_hex;
    EXPECT_EQ(OfType(3).PartitionOf(key, 4), c.jump4) << c.key_hex;
  }
}

TEST(PartitionerTest, TheTenKeysOfAcceptanceCase8FallWhereTheSpecSays) {
  const int expected[] = {2, 2, 0, 1, 1, 0, 1, 2, 0, 1};
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Partitioner::Mmh3().PartitionOf("k" + std::to_string(i), 4), expected[i]) << i;
  }
}

// Section 15.3: pickled keys, and fate-flow.md 17.1.
TEST(PartitionerTest, PickledKeysFallWhereTheSpecSays) {
  struct Case {
    const char* key_hex;
    int32_t murmur;
    int mod4;
  };
  const Case cases[] = {
      {"80044b002e", 2137112569, 1},
      {"80034b002e", -783212557, 3},
      {"80044b012e", -1261048777, 3},
      {"80034b012e", 1923310700, 0},
      {"80044b052e", 673821925, 1},
      {"80034b052e", 319744301, 1},
      {"80044bff2e", -1795783314, 2},
      {"80034bff2e", 1385348722, 2},
      {"80049504000000000000004d00012e", 269425635, 3},
      {"80034d00012e", -6290169, 3},
      {"80049506000000000000004affffffff2e", -251153214, 2},
      {"80034affffffff2e", 1018585880, 0},
      {"80049505000000000000008c0161942e", -540113600, 0},
      {"800358010000006171002e", 1001347867, 3},
      {"80049507000000000000008c03616263942e", 576176104, 0},
      {"8003580300000061626371002e", -47048059, 1},
      {"80049505000000000000008c0130942e", -734352146, 2},
      {"800358010000003071002e", 580863431, 3},
      {"80049505000000000000008c0131942e", 313264917, 1},
      {"800358010000003171002e", -436506660, 0},
      {"80049506000000000000008c026b31942e", -1883467177, 3},
      {"800358020000006b3171002e", -149191211, 1},
      {"800495060000000000000043026162942e", 1155179221, 1},
      {"80034302616271002e", 2024146351, 3},
      {"8004950a00000000000000473ff80000000000002e", -1687442545, 3},
      {"8003473ff80000000000002e", -1224336476, 0},
      {"80044e2e", 504809985, 1},
      {"80034e2e", -1005309531, 1},
      {"8004882e", -718660540, 0},
      {"8003882e", 644445990, 2},
      {"80049509000000000000008c0161944b0186942e", -1809532955, 1},
      {"800358010000006171004b018671012e", 1701905445, 1},
      {"80049507000000000000008c03313030942e", -264421412, 0},
      {"80049504000000000000008c00942e", 931273334, 2},
      {"666f6f", -156908512, 0},
  };
  for (const Case& c : cases) {
    std::string key = *HexDecode(c.key_hex);
    EXPECT_EQ(Murmur3(key), c.murmur) << c.key_hex;
    EXPECT_EQ(Partitioner::Mmh3().PartitionOf(key, 4), c.mod4) << c.key_hex;
  }
}

// Section 13.2: pattern of a by-name reference.
TEST(PartitionerTest, PickledReferencesToKnownFunctionsAreRecognised) {
  const std::string module = "fate.arch.computing.partitioners._mmh3_partitioner";
  std::string body = *HexDecode("8005954b000000000000008c32") + module + "\x94\x8c\x10" +
                     "mmh3_partitioner" + "\x94\x93\x94.";
  EXPECT_EQ(PartitionerFunctorBody(0), body);
  EXPECT_EQ(PartitionerFunctorBody(2), body);
  EXPECT_EQ(HexEncode(PartitionerFunctorBody(1).substr(0, 13)), "80059551000000000000008c35");
  EXPECT_EQ(HexEncode(PartitionerFunctorBody(3).substr(0, 13)), "80059564000000000000008c3e");
  for (int type : {0, 1, 3}) {
    auto recognised = Partitioner::FromFunctorBody(PartitionerFunctorBody(type));
    ASSERT_TRUE(recognised.ok()) << recognised.status();
    EXPECT_EQ(recognised->type(), type);
  }
  std::string backport = *HexDecode("80059536000000000000008c1d") +
                         "eggroll.backport._partitioner" + "\x94\x8c\x10" + "mmh3_partitioner" +
                         "\x94\x93\x94.";
  EXPECT_EQ(Partitioner::FromFunctorBody(backport)->type(), 0);
  EXPECT_EQ(Partitioner::FromFunctorBody("native:mmh3")->type(), 0);
}

TEST(PartitionerTest, AnythingElseIsAnErrorAndNeverAGuess) {
  EXPECT_EQ(Partitioner::FromFunctorBody(*HexDecode("80054e2e")).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(Partitioner::FromFunctorBody("").status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(Partitioner::FromType(4).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Partitioner::FromType(-1).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace fate::wire
