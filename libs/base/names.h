#pragma once

// Identities and names that come from outside. Each is a type that can only be made by
// Parse, so that code which takes a PartyId or a StoreName need not check it again: no
// value holds a slash, a control byte or a path component such as "..".

#include <compare>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace fate {

namespace internal {
// Base of the name types: one immutable text that has passed the check of its kind.
class CheckedText {
 public:
  const std::string& str() const { return text_; }

 protected:
  explicit CheckedText(std::string text) : text_(std::move(text)) {}

 private:
  std::string text_;
};
}  // namespace internal

// A party: 1..64 bytes of [A-Za-z0-9_.-], not "." or "..". Deployments use decimal
// numbers; "0" is the local site (spec/fate-flow.md 8.1).
class PartyId : public internal::CheckedText {
 public:
  static absl::StatusOr<PartyId> Parse(std::string_view text);
  friend bool operator==(const PartyId& a, const PartyId& b) { return a.str() == b.str(); }
  friend auto operator<=>(const PartyId& a, const PartyId& b) { return a.str() <=> b.str(); }

 private:
  using CheckedText::CheckedText;
};

// A session, job, task or execution id: 1..256 bytes, printable ASCII without slash,
// quotes, backslash or blank, not "." or "..".
class SessionId : public internal::CheckedText {
 public:
  static absl::StatusOr<SessionId> Parse(std::string_view text);
  friend bool operator==(const SessionId& a, const SessionId& b) { return a.str() == b.str(); }

 private:
  using CheckedText::CheckedText;
};

// Namespace and name of a table. Both become folder names of the storage layout
// (spec/eggroll-compute-and-storage.md 11.2): 1..512 and 1..255 bytes, no slash, no
// control byte, not "." or "..". The single name "*" is legal here and means "all".
class StoreName {
 public:
  static absl::StatusOr<StoreName> Parse(std::string_view name_space, std::string_view name);
  const std::string& name_space() const { return name_space_; }
  const std::string& name() const { return name_; }
  // "namespace/name", for messages.
  std::string ToString() const { return name_space_ + "/" + name_; }

 private:
  StoreName(std::string name_space, std::string name)
      : name_space_(std::move(name_space)), name_(std::move(name)) {}
  std::string name_space_;
  std::string name_;
};

// A queue of a session: 1..1024 bytes without control bytes.
class TopicName : public internal::CheckedText {
 public:
  static absl::StatusOr<TopicName> Parse(std::string_view text);

 private:
  using CheckedText::CheckedText;
};

}  // namespace fate
