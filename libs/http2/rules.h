#pragma once

// What a header block may hold (RFC 9113, 8.2, 8.3 and 8.1.1). A block that breaks a rule is
// "malformed": its stream ends with PROTOCOL_ERROR, the connection goes on.

#include <cstdint>
#include <optional>
#include <string_view>

#include "http2/headers.h"

namespace fate::http2 {

inline constexpr uint64_t kNoContentLength = UINT64_MAX;

// Of a name and a value by themselves: their characters. The other checks take these for granted.
bool IsGoodName(std::string_view name);  // also of a pseudo header
bool IsGoodValue(std::string_view value);

// "" if the block is well-formed, else what is wrong, for people. CONNECT is not served, so that a
// request needs :method, :scheme and :path. `length`: of the content, if a header tells it.
std::string_view CheckRequest(const Headers& headers, uint64_t* length);
std::string_view CheckResponse(const Headers& headers, uint64_t* length);
std::string_view CheckTrailers(const Headers& headers);

}  // namespace fate::http2
