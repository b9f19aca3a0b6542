#include "wire/pickle_text.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace fate::wire {
namespace {

std::string Unpickled(const std::string& hex) {
  auto text = UnpickleText(*HexDecode(hex));
  return text.ok() ? *text : text.status().ToString();
}

// spec/fate-flow.md 17.1.
TEST(PickleTextTest, WritesTheVectorsOfTheSpec) {
  EXPECT_EQ(HexEncode(PickleText("100")), "80049507000000000000008c03313030942e");
  EXPECT_EQ(HexEncode(PickleText("a")), "80049505000000000000008c0161942e");
  EXPECT_EQ(HexEncode(PickleText("")), "80049504000000000000008c00942e");
  EXPECT_EQ(HexEncode(PickleText("1,0.5")), "80049509000000000000008c05312c302e35942e");
}

// Heads as CPython's pickler writes them for 'x' * n.
TEST(PickleTextTest, LongTextsChangeTheOpcodeAndLeaveTheFrameAsInPython) {
  struct Case {
    size_t length;
    const char* head_hex;
  };
  for (const Case& c :
       {Case{255, "80049503010000000000008cff78"},
        Case{256, "800495070100000000000058000100007878"},
        Case{65535, "800495060001000000000058ffff00007878"}, Case{65536, "800458000001007878"}}) {
    std::string pickled = PickleText(std::string(c.length, 'x'));
    std::string head = *HexDecode(c.head_hex);
    EXPECT_EQ(HexEncode(pickled.substr(0, head.size())), c.head_hex);
    EXPECT_EQ(HexEncode(pickled.substr(pickled.size() - 3)), "78942e");
    EXPECT_EQ(UnpickleText(pickled)->size(), c.length);
  }
}

// spec/eggroll-compute-and-storage.md 15.3, columns protocol 4 and 3.
TEST(PickleTextTest, ReadsTextsOfOlderAndNewerPythons) {
  EXPECT_EQ(Unpickled("80049507000000000000008c03616263942e"), "abc");
  EXPECT_EQ(Unpickled("8003580300000061626371002e"), "abc");
  EXPECT_EQ(Unpickled("8002580300000061626371002e"), "abc");
  EXPECT_EQ(Unpickled("80059507000000000000008c03616263942e"), "abc");
}

TEST(PickleTextTest, AnythingButOneTextIsAnError) {
  for (const char* hex : {
           "",                                          // nothing
           "80",                                        // no protocol
           "80068c0161942e",                            // protocol of the future
           "80044b002e",                                // an int
           "80044e2e",                                  // None
           "800495060000000000000043026162942e",        // bytes
           "80049509000000000000008c0161944b0186942e",  // a tuple
           "80049505000000000000008c0161942e00",        // trailing byte
           "80049505000000000000008c0161",              // cut
           "8004958c",                                  // cut frame
           "80048d ffffffffffffffff 61",                // a length beyond the input
           "800463 6f730a73797374656d0a 2e",            // GLOBAL os.system
       }) {
    EXPECT_FALSE(UnpickleText(*HexDecode(hex)).ok()) << hex;
  }
}

}  // namespace
}  // namespace fate::wire
