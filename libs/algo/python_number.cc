#include "algo/python_number.h"

#include <fmt/format.h>

#include <cmath>

namespace fate::algo {

std::string PythonFloat(double value) {
  if (std::isnan(value)) return "nan";
  std::string text = fmt::format("{}", value);
  return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

}  // namespace fate::algo
