#pragma once

// SHA-2 digests of whole messages (OpenSSL).

#include <array>
#include <cstdint>
#include <string_view>

namespace fate::crypto {

std::array<uint8_t, 32> Sha256(std::string_view message);
std::array<uint8_t, 64> Sha512(std::string_view message);

}  // namespace fate::crypto
