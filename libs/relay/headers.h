#pragma once

#include "http2/headers.h"

namespace fate::relay {
using http2::Find;
using http2::Header;
using http2::Headers;
}  // namespace fate::relay
