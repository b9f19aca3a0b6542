#include "audit/chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/test_log.h"

namespace fate::audit {
namespace {

TEST(Chain, EndsEachLineWithTheHashOfAllBefore) {
  Log log;
  log.Open();
  log.Call(1);
  const std::string& text = log.files[0];
  const std::string first = text.substr(0, text.find('\n'));
  const std::string second = text.substr(first.size() + 1, text.size() - first.size() - 2);
  const auto open = ParseLine(first);
  const auto call = ParseLine(second);
  ASSERT_TRUE(open && call);
  EXPECT_EQ(open->number, 1u);
  EXPECT_EQ(open->kind, "open");
  EXPECT_EQ(call->number, 2u);
  EXPECT_EQ(call->kind, "call");
  const std::string before(reinterpret_cast<const char*>(open->hash.data()), open->hash.size());
  EXPECT_EQ(call->hash, Sha256(before + std::string(call->hashed)));
  EXPECT_EQ(log.chain.hash(), call->hash);
}

TEST(Chain, LinesThatAreNoRecordsAreTold) {
  Log log;
  log.Open();
  const std::string line = log.files[0].substr(0, log.files[0].size() - 1);
  EXPECT_TRUE(ParseLine(line));
  EXPECT_FALSE(ParseLine(""));
  EXPECT_FALSE(ParseLine(line.substr(1)));
  EXPECT_FALSE(ParseLine(line + " "));
  EXPECT_FALSE(ParseLine(line.substr(0, 10) + line.substr(line.size() - 70)));
  EXPECT_FALSE(ParseLine(line + std::string(kMaxLineBytes, 'x')));
}

TEST(Chain, FieldsAreNotMistakenForText) {
  const std::string line =
      R"({"n":1,"kind":"gap","why":"\u0022,\u0022missing\u0022:9","missing":4,"x":"y"})";
  EXPECT_EQ(Field(line, "missing"), "4");
  EXPECT_EQ(Field(line, "x"), "y");
  EXPECT_EQ(Field(line, "y"), "");
}

}  // namespace
}  // namespace fate::audit
