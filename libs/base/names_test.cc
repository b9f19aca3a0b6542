#include "base/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/status.h"

namespace fate {
namespace {

using ::testing::HasSubstr;

TEST(PartyId, AcceptsNumbersAndWords) {
  for (const char* text : {"9999", "0", "bank-a.prod_1"}) {
    auto id = PartyId::Parse(text);
    ASSERT_TRUE(id.ok()) << text << ": " << id.status();
    EXPECT_EQ(id->str(), text);
  }
}

TEST(PartyId, RefusesWhatCouldLeaveAFolderOrALogLine) {
  const std::vector<std::string> refused = {"",    ".",   "..",  "../x",
                                            "a/b", "a b", "a\n", std::string(65, '1')};
  for (const std::string& text : refused) {
    EXPECT_FALSE(PartyId::Parse(text).ok()) << text;
  }
  EXPECT_THAT(Message(PartyId::Parse("a/b").status()), HasSubstr("party id 'a/b' is not valid"));
}

TEST(StoreName, AcceptsFederationKeysAndRefusesPaths) {
  EXPECT_TRUE(StoreName::Parse("s1", "__rsk#s1#n#t#guest#9999#host#10000").ok());
  EXPECT_TRUE(StoreName::Parse("experiment", "*").ok());
  EXPECT_FALSE(StoreName::Parse("../x", "a").ok());
  EXPECT_FALSE(StoreName::Parse("a", "..").ok());
  EXPECT_FALSE(StoreName::Parse("a", std::string("b\0c", 3)).ok());
  EXPECT_FALSE(StoreName::Parse("", "a").ok());
}

TEST(SessionId, AcceptsTaskIdsAndRefusesShellCharacters) {
  EXPECT_TRUE(SessionId::Parse("202611210003094710040_toy_example_0_0_guest_9999").ok());
  EXPECT_FALSE(SessionId::Parse("a b").ok());
  EXPECT_FALSE(SessionId::Parse("a'b").ok());
  EXPECT_FALSE(SessionId::Parse("a/../b").ok());
}

}  // namespace
}  // namespace fate
