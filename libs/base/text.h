#pragma once

// Small text functions over std::string_view (the standard library has no split or trim).

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fate {

// Without leading and trailing ASCII white space.
std::string_view Trim(std::string_view text);

// Pieces between separators; "" gives one empty piece.
std::vector<std::string_view> Split(std::string_view text, char separator);

std::string Join(const std::vector<std::string>& pieces, std::string_view separator);
std::string ToLower(std::string_view text);

// Control bytes, quotes and non-ASCII bytes as \xNN, for messages about hostile input.
std::string Escape(std::string_view text);

std::string HexEncode(std::string_view bytes);
// nullopt for an odd count or a character that is no hex digit; blanks are skipped.
std::optional<std::string> HexDecode(std::string_view text);

// The whole text as a decimal number, else nullopt.
template <class Integer>
std::optional<Integer> ParseInt(std::string_view text) {
  Integer value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The whole text as a finite or non-finite double ("1e-3", "nan"), else nullopt.
std::optional<double> ParseDouble(std::string_view text);

}  // namespace fate
