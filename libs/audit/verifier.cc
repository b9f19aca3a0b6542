#include "audit/verifier.h"

#include "base/status.h"
#include "base/text.h"

namespace fate::audit {
namespace {

std::string_view Bytes(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace

template <class... Args>
absl::Status Verifier::Broken(fmt::format_string<Args...> format, Args&&... args) const {
  return DataLossError("{}:{}: {}", file_, line_, fmt::format(format, std::forward<Args>(args)...));
}

void Verifier::StartFile(std::string name) {
  file_ = std::move(name);
  line_ = 0;
  ++report_.files;
}

absl::Status Verifier::Add(std::string_view text) {
  ++line_;
  const auto line = ParseLine(text);
  if (!line) {
    return Broken("this line is no record: it was changed or cut{}",
                  report_.last == 0 ? "" : fmt::format(" (after record {})", report_.last));
  }
  if ((line_ == 1) != (line->kind == "open")) {
    return line_ == 1 ? Broken(
                            "the file does not start with an open record: its beginning, before "
                            "record {}, was removed",
                            line->number)
                      : Broken("an open record within a file: files were joined");
  }
  RETURN_IF_ERROR(CheckOrder(*line));
  if (line_ == 1) RETURN_IF_ERROR(CheckOpen(text));
  if (Sha256(Bytes(report_.hash), line->hashed) != line->hash) {
    return Broken("record {} does not fit its hash: it was changed, or the record before it",
                  line->number);
  }
  RETURN_IF_ERROR(CheckAnchor(*line));
  Count(*line, text);
  return absl::OkStatus();
}

absl::Status Verifier::CheckOrder(const Line& line) const {
  if (report_.last == 0 || line.number == report_.last + 1) return absl::OkStatus();
  if (line.number <= report_.last) {
    return Broken("record {} stands behind record {}: records were moved or repeated", line.number,
                  report_.last);
  }
  return Broken("records {} to {} are missing here: they were removed or moved{}", report_.last + 1,
                line.number - 1,
                line_ == 1 ? ", from the end of the file before or with a whole file" : "");
}

// The beginning of a file carries the hash before it and how the file before was left.
absl::Status Verifier::CheckOpen(std::string_view line) {
  Hash previous;
  if (!ParseHash(Field(line, "previous"), &previous)) {
    return Broken("the open record lacks the hash before it: it was changed");
  }
  if (report_.last == 0) {
    report_.hash = previous;
  } else if (previous != report_.hash) {
    return Broken("the file does not continue record {}: one of them was changed or replaced",
                  report_.last);
  }
  const uint64_t torn = ParseInt<uint64_t>(Field(line, "torn_bytes")).value_or(0);
  Hash digest{};
  ParseHash(Field(line, "torn_sha256"), &digest);
  const bool known = torn == torn_.size() && (torn == 0 || digest == Sha256(torn_));
  if (report_.last != 0 && !known) {
    return Broken(
        "the file before ends with {} bytes of a torn line, but {} were found after the "
        "crash: its end was changed",
        torn_.size(), torn);
  }
  torn_.clear();
  return absl::OkStatus();
}

absl::Status Verifier::CheckAnchor(const Line& line) {
  if (!anchor_ || anchor_->number != line.number) return absl::OkStatus();
  anchor_seen_ = true;
  if (anchor_->hash == line.hash) return absl::OkStatus();
  return Broken("record {} has another hash than the one noted: the log was written anew",
                line.number);
}

void Verifier::Count(const Line& line, std::string_view text) {
  if (report_.first == 0) report_.first = line.number;
  ++report_.records;
  report_.last = line.number;
  report_.hash = line.hash;
  report_.closed = line.kind == "close";
  if (line.kind == "call") ++report_.calls;
  if (line.kind == "open" && Field(text, "after") == "crash") ++report_.crashes;
  if (line.kind == "gap") {
    ++report_.gaps;
    report_.missing += ParseInt<uint64_t>(Field(text, "missing")).value_or(0);
  }
}

absl::Status Verifier::EndFile(std::string_view rest) {
  torn_ = rest;
  report_.torn_bytes = rest.size();
  if (!rest.empty() && report_.closed) {
    return Broken("something follows the file's close record {}", report_.last);
  }
  return absl::OkStatus();
}

absl::StatusOr<Report> Verifier::Finish() const {
  if (report_.records == 0) return NotFoundError("there are no records");
  if (anchor_ && !anchor_seen_) {
    return DataLossError("record {} is not there (the log has {} to {}): it was removed",
                         anchor_->number, report_.first, report_.last);
  }
  return report_;
}

}  // namespace fate::audit
