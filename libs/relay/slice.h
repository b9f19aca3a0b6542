#pragma once

#include "base/slice.h"

namespace fate::relay {
using fate::Slice;
using fate::SliceQueue;
}  // namespace fate::relay
