#pragma once

// Numbers as Python prints them.

#include <string>

namespace fate::algo {

// repr(float): the shortest text that reads back the same, "2000.0", "1e-05", "nan".
std::string PythonFloat(double value);

}  // namespace fate::algo
