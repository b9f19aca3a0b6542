#pragma once

// A log in memory: files of lines, as a writer makes them.

#include <string>
#include <vector>

#include "audit/verifier.h"
#include "base/text.h"

namespace fate::audit {

inline Call SomeCall(uint64_t bytes) {
  Call call;
  call.end_us = 1'767'225'600'000'000 + static_cast<int64_t>(bytes);
  call.method = "invoke";
  call.direction = Direction::kOut;
  call.from = "9999";
  call.to = "10000";
  call.session = "202601010000000000000_psi_0_0";
  call.tag = "topic";
  call.peer = "127.0.0.1";
  call.request = {.bytes = bytes, .digested = bytes, .digest = Sha256("payload")};
  return call;
}

struct Log {
  Chain chain;
  std::vector<std::string> files;

  void Open(std::string_view after = "nothing", const std::string& torn = "") {
    audit::Open open{.party = "9999", .previous = chain.hash(), .after = after};
    open.torn_bytes = torn.size();
    open.torn = Sha256(torn);
    files.emplace_back();
    chain.Begin(&files.back());
    AppendOpen(open, &files.back());
    chain.End(&files.back());
  }
  void Call(uint64_t bytes) {
    chain.Begin(&files.back());
    AppendCall(SomeCall(bytes), &files.back());
    chain.End(&files.back());
  }
  void Gap(uint64_t missing) {
    chain.Begin(&files.back());
    AppendGap(0, missing, "disk full", &files.back());
    chain.End(&files.back());
  }
  void Close() {
    chain.Begin(&files.back());
    AppendClose(0, "stopped", &files.back());
    chain.End(&files.back());
  }

  absl::StatusOr<Report> Verify(std::optional<Anchor> anchor = std::nullopt) const {
    Verifier verifier(anchor);
    for (size_t i = 0; i < files.size(); ++i) {
      verifier.StartFile("file" + std::to_string(i + 1));
      std::string_view rest = files[i];
      for (size_t end; (end = rest.find('\n')) != std::string_view::npos;) {
        RETURN_IF_ERROR(verifier.Add(rest.substr(0, end)));
        rest.remove_prefix(end + 1);
      }
      RETURN_IF_ERROR(verifier.EndFile(rest));
    }
    return verifier.Finish();
  }
};

// Two files with ten calls each: records 1 to 12 and 13 to 24.
inline Log TwoFiles() {
  Log log;
  for (const char* after : {"nothing", "close"}) {
    log.Open(after);
    for (uint64_t i = 0; i < 10; ++i) log.Call(1000 + i);
    log.Close();
  }
  return log;
}

}  // namespace fate::audit
