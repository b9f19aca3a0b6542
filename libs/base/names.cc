#include "base/names.h"

#include <algorithm>

#include "base/limits.h"
#include "base/status.h"
#include "base/text.h"

namespace fate {
namespace {

absl::Status CheckLength(std::string_view kind, std::string_view text, size_t limit_bytes) {
  if (text.empty()) return InvalidArgumentError("{} is empty", kind);
  if (text.size() > limit_bytes) {
    return InvalidArgumentError("{} has {} bytes; at most {} are allowed", kind, text.size(),
                                limit_bytes);
  }
  return absl::OkStatus();
}

absl::Status CheckCharacters(std::string_view kind, std::string_view text, bool (*allowed)(char),
                             std::string_view rule) {
  if (text == "." || text == ".." || !std::all_of(text.begin(), text.end(), allowed)) {
    return InvalidArgumentError("{} '{}' is not valid: {}", kind, Escape(text), rule);
  }
  return absl::OkStatus();
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool IsPartyCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '.' || c == '-';
}
bool IsIdCharacter(char c) {
  return c > 0x20 && c < 0x7f && c != '/' && c != '\\' && c != '"' && c != '\'';
}
bool IsFolderCharacter(char c) { return !IsControl(c) && c != '/'; }
bool IsTopicCharacter(char c) { return !IsControl(c); }

}  // namespace

absl::StatusOr<PartyId> PartyId::Parse(std::string_view text) {
  RETURN_IF_ERROR(CheckLength("party id", text, kMaxPartyIdBytes));
  RETURN_IF_ERROR(
      CheckCharacters("party id", text, IsPartyCharacter, "use letters, digits, '_', '.' and '-'"));
  return PartyId(std::string(text));
}

absl::StatusOr<SessionId> SessionId::Parse(std::string_view text) {
  RETURN_IF_ERROR(CheckLength("session id", text, kMaxSessionIdBytes));
  RETURN_IF_ERROR(CheckCharacters("session id", text, IsIdCharacter,
                                  "use printable characters without blank, slash and quotes"));
  return SessionId(std::string(text));
}

absl::StatusOr<StoreName> StoreName::Parse(std::string_view name_space, std::string_view name) {
  RETURN_IF_ERROR(CheckLength("table namespace", name_space, kMaxNamespaceBytes));
  RETURN_IF_ERROR(CheckLength("table name", name, kMaxStoreNameBytes));
  constexpr std::string_view kRule = "no slash, no control byte, and not '.' or '..'";
  RETURN_IF_ERROR(CheckCharacters("table namespace", name_space, IsFolderCharacter, kRule));
  RETURN_IF_ERROR(CheckCharacters("table name", name, IsFolderCharacter, kRule));
  return StoreName(std::string(name_space), std::string(name));
}

absl::StatusOr<TopicName> TopicName::Parse(std::string_view text) {
  RETURN_IF_ERROR(CheckLength("topic", text, kMaxTopicBytes));
  RETURN_IF_ERROR(CheckCharacters("topic", text, IsTopicCharacter, "no control bytes"));
  return TopicName(std::string(text));
}

}  // namespace fate
