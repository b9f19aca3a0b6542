#include "audit/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/test_log.h"

namespace fate::audit {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Record, ACallIsOneLineOfJson) {
  Call call = SomeCall(7);
  call.answer.bytes = 3;
  call.grpc_code = 7;
  call.duration_us = 12;
  std::string text;
  AppendCall(call, &text);
  std::string hash;
  AppendHex(Sha256("payload"), &hash);
  EXPECT_EQ(text, R"("kind":"call","time":"2026-01-01T00:00:00.000007Z","method":"invoke",)"
                  R"("direction":"out","from":"9999","to":"10000",)"
                  R"("session":"202601010000000000000_psi_0_0","tag":"topic","peer":"127.0.0.1",)"
                  R"("code":"PERMISSION_DENIED","us":12,"bytes":7,"sha256":")" +
                      hash + R"(","answer":3)");
}

TEST(Record, ADigestOfThePrefixSaysHowMuchItCovers) {
  Call call = SomeCall(5000);
  call.request.digested = 1024;
  std::string text;
  AppendCall(call, &text);
  EXPECT_THAT(text, HasSubstr(R"(","sha256_of":1024)"));
}

TEST(Record, TextOfOthersIsEscapedAndCut) {
  Call call = SomeCall(1);
  call.session = "a\"\n\\\xff\x01";
  call.tag = std::string(5000, '\x02');
  std::string text;
  AppendCall(call, &text);
  EXPECT_THAT(text, HasSubstr(R"("session":"a\u0022\u000a\u005c\u00ff\u0001")"));
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  EXPECT_LT(text.size(), 8000u);
}

TEST(Record, TheLongestRecordIsStillALine) {
  Call call = SomeCall(1);
  for (auto* name : {&call.from, &call.to, &call.session, &call.tag, &call.peer}) {
    *name = std::string(2 * kMaxTextBytes, '"');
  }
  std::string text;
  AppendCall(call, &text);
  EXPECT_LT(text.size() + 200, kMaxLineBytes);
}

TEST(Record, HashesAreReadBack) {
  std::string text;
  AppendHex(Sha256("abc"), &text);
  EXPECT_EQ(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180
  Hash hash;
  ASSERT_TRUE(ParseHash(text, &hash));
  EXPECT_EQ(hash, Sha256("abc"));
  EXPECT_FALSE(ParseHash(text.substr(1), &hash));
  text[5] = 'G';
  EXPECT_FALSE(ParseHash(text, &hash));
}

TEST(Digest, CoversAllOrTheFirstBytes) {
  Digest digest;
  digest.Reset(UINT64_MAX);
  digest.Add("a");
  digest.Add("bc");
  EXPECT_EQ(digest.covered(), 3u);
  EXPECT_EQ(digest.Finish(), Sha256("abc"));
  digest.Reset(3);
  digest.Add("ab");
  digest.Add("cdefgh");
  digest.Add("ijk");
  EXPECT_EQ(digest.covered(), 3u);
  EXPECT_EQ(digest.Finish(), Sha256("abc"));
  digest.Reset(0);
  digest.Add("abc");
  EXPECT_EQ(digest.covered(), 0u);
}

TEST(Digest, AnAbandonedOneLeavesNothingBehind) {
  Digest digest;
  digest.Reset(100);
  digest.Add("left");
  digest.Reset(100);
  digest.Add("abc");
  EXPECT_EQ(digest.Finish(), Sha256("abc"));
}

}  // namespace
}  // namespace fate::audit
