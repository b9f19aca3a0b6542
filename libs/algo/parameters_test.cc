#include "algo/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "algo/compensated_sum.h"
#include "algo/python_number.h"

namespace fate::algo {
namespace {

TEST(Parameters, NameWhatIsWrong) {
  nlohmann::json object = {{"n", 0}, {"big", 18446744073709551615u}, {"s", "A"}, {"null", nullptr}};
  Parameters parameters("psi", object);
  EXPECT_EQ(parameters.Int("n", std::nullopt, 0, 1).value(), 0);
  EXPECT_EQ(parameters.Int("null", 7, 0, 9).value(), 7);
  EXPECT_EQ(parameters.Int("n", 1, 1, 9).status().message(),
            "parameter 'n' of psi must be an integer from 1 to 9; it is 0");
  EXPECT_EQ(parameters.Int("absent", std::nullopt, 1, 9).status().message(),
            "parameter 'absent' of psi is missing; it must be an integer from 1 to 9");
  EXPECT_FALSE(parameters.Int("big", 1, INT64_MIN, INT64_MAX).ok());
  EXPECT_FALSE(parameters.Int("s", 1, 0, 9).ok());
  EXPECT_EQ(parameters.Choice("s", "b", {"a", "b"}).value(), "a");
  EXPECT_EQ(parameters.Choice("s", "b", {"b", "c"}).status().message(),
            "parameter 's' of psi must be one of b, c; it is \"A\"");
}

TEST(PythonFloat, PrintsLikePython) {
  for (auto [value, text] : std::initializer_list<std::pair<double, const char*>>{
           {2000, "2000.0"},
           {1999.9999999999998, "1999.9999999999998"},
           {0.1, "0.1"},
           {1e-5, "1e-05"},
           {0.0001, "0.0001"},
           {1e16, "1e+16"},
           {123456789012345680.0, "1.2345678901234568e+17"},
           {1234567890123456, "1234567890123456.0"},
           {-0.0, "-0.0"},
           {-INFINITY, "-inf"},
           {NAN, "nan"},
           {-NAN, "nan"}}) {
    EXPECT_EQ(PythonFloat(value), text);
  }
}

TEST(CompensatedSum, KeepsWhatPlainAdditionLoses) {
  CompensatedSum sum;
  for (double term : {1.0, 1e100, 1.0, -1e100}) sum.Add(term);
  EXPECT_EQ(sum.Total(), 2);
}

TEST(CompensatedSum, PartialSumsOfOppositeSignAddUpExactly) {
  CompensatedSum left, right;
  for (int i = 0; i < 100000; ++i) left.Add(0.1);
  for (int i = 0; i < 100000; ++i) right.Add(-0.1);
  auto decoded = CompensatedSum::Decode(right.Encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  left.Add(*decoded);
  EXPECT_EQ(left.Total(), 0);
  EXPECT_FALSE(CompensatedSum::Decode("short").ok());
}

}  // namespace
}  // namespace fate::algo
