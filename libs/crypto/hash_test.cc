#include "crypto/hash.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

#include "base/status.h"
#include "base/text.h"

namespace fate::crypto {
namespace {

std::string DigestHex(std::string_view function, std::string_view message) {
  return HexEncode(HashFunction::Named(function).value().Digest(message));
}

// spec 16.4
TEST(HashFunction, Sm3KnownAnswers) {
  EXPECT_EQ(DigestHex("sm3", "abc"),
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
  std::string sixteen_times;
  for (int i = 0; i < 16; ++i) sixteen_times += "abcd";
  EXPECT_EQ(DigestHex("sm3", sixteen_times),
            "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
  EXPECT_EQ(DigestHex("sm3", "1"),
            "cbdddb8e8421b23498480570d7d75330538a6882f5dfdc3b64115c647f3328c4");
  EXPECT_EQ(DigestHex("sm3", ""),
            "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b");
}

// RFC 1321, FIPS 180-4 examples.
TEST(HashFunction, EveryNameIsTheFunctionOfThatName) {
  EXPECT_EQ(DigestHex("md5", "abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(DigestHex("sha1", "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(DigestHex("sha224", "abc"), "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
  EXPECT_EQ(DigestHex("sha256", "abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(DigestHex("sha384", "abc").substr(0, 32), "cb00753f45a35e8bb5a03d699ac65007");
  EXPECT_EQ(DigestHex("sha512", "abc").substr(0, 32), "ddaf35a193617abacc417349ae204131");
}

TEST(HashFunction, AgreesWithTheOneShotFunctions) {
  const std::array<uint8_t, 32> sha256 = Sha256("fate");
  const std::array<uint8_t, 64> sha512 = Sha512("fate");
  EXPECT_EQ(DigestHex("sha256", "fate"),
            HexEncode({reinterpret_cast<const char*>(sha256.data()), sha256.size()}));
  EXPECT_EQ(DigestHex("sha512", "fate"),
            HexEncode({reinterpret_cast<const char*>(sha512.data()), sha512.size()}));
}

// spec 4.2: generated sample ids
TEST(HashFunction, Sha256MakesSampleIds) {
  EXPECT_EQ(DigestHex("sha256", "prefix0"),
            "1e86160d12dad4b1a6c3f76fbfb643e34533b960ef335d0a4f1d1530fac3f2a5");
}

TEST(HashFunction, AnUnknownNameIsRefusedWithTheNamesThatAre) {
  const absl::StatusOr<HashFunction> hash = HashFunction::Named("sha3");
  EXPECT_EQ(hash.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Message(hash.status()),
            "unknown hash function 'sha3'; use one of md5, sha1, sha224, sha256, sha384, sha512, "
            "sm3");
}

TEST(HashFunction, ThreadsShareOne) {
  const HashFunction md5 = HashFunction::Named("md5").value();
  std::array<std::string, 4> digests;
  std::vector<std::thread> threads;
  for (std::string& digest : digests) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) digest = md5.Digest("0");
    });
  }
  for (std::thread& thread : threads) thread.join();
  // The name of client 0 in spec 7.2.
  for (const std::string& digest : digests) {
    EXPECT_EQ(HexEncode(digest), "cfcd208495d565ef66e7dff9f98764da");
  }
}

}  // namespace
}  // namespace fate::crypto
