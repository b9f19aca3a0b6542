#include "relay/abuse.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/metrics.h"

namespace fate::relay {
namespace {

constexpr absl::Duration kBetweenLines = absl::Seconds(10);

struct Reason {
  std::string_view name, text;
};

constexpr std::array kReasons = {
    Reason{"resets", "resets calls as soon as it has made them (as in CVE-2023-44487)"},
    Reason{"frames",
           "sends frames that only make work: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, "
           "empty DATA or invalid ones"},
    Reason{"barren", "sends megabytes without a call or data"},
    Reason{"continuations", "continues a header block without end (as in CVE-2024-28182)"},
    Reason{"acknowledgements", "sends PING or SETTINGS faster than it reads their acknowledgement"},
    Reason{"handshake", "did not begin HTTP/2 in time"},
    Reason{"headers", "takes too long for the headers of one call"},
    Reason{"idle", "made no calls for a while"},
    Reason{"vanished", "is gone without a word"},
    Reason{"connections", "has too many connections"},
    Reason{"protocol", "breaks the rules of HTTP/2"},
};

// How often each reason was logged.
struct Lines {
  absl::Time last = absl::InfinitePast();
  uint64_t unsaid = 0;
};

}  // namespace

void AbuseMeter::Tick(absl::Time now) {
  if (now <= last_) return;
  const double seconds = std::min(absl::ToDoubleSeconds(now - last_), kFrames);
  last_ = now;
  frames_ = std::min(kFrames, frames_ + seconds * kFramesPerSecond);
  resets_ = std::min(kResets, resets_ + seconds * kResetsPerSecond);
}

void AbuseMeter::Data() {
  barren_bytes_ = 0;
  frames_ = std::min(kFrames, frames_ + kPaidByData);
}

void AbuseMeter::CallCompleted() { resets_ = std::min(kResets, resets_ + 1); }

std::string_view AbuseMeter::Verdict() const {
  if (resets_ < 0) return "resets";
  if (frames_ < 0) return "frames";
  if (barren_bytes_ > kBarrenBytes) return "barren";
  return "";
}

std::string_view Explain(std::string_view reason) {
  auto it = std::find_if(kReasons.begin(), kReasons.end(),
                         [&](const Reason& entry) { return entry.name == reason; });
  return it == kReasons.end() ? reason : it->text;
}

void ReadPace::Done(size_t read_bytes) {
  const size_t work = std::exchange(work_, 0);
  if (work > kWorkPerRead) {
    bytes_ = std::clamp(read_bytes * kWorkPerRead / work, kLeastBytes, kMostBytes);
  } else if (read_bytes >= bytes_ / 2) {
    bytes_ = std::min(kMostBytes, bytes_ * 4);
  }
}

void ReportCut(std::string_view reason, std::string_view peer, std::string_view detail,
               absl::Time now) {
  static auto& cuts = prometheus::BuildCounter()
                          .Name("relay_cut_connections_total")
                          .Help("Connections ended here, by what their peer did")
                          .Register(Metrics());
  cuts.Add({{"reason", std::string(reason)}}).Increment();
  if (reason == "idle") return;  // nothing to do for anybody
  static std::mutex mutex;
  static auto& lines = *new std::map<std::string, Lines, std::less<>>();
  std::lock_guard lock(mutex);
  Lines& line = lines.try_emplace(std::string(reason)).first->second;
  if (now - line.last < kBetweenLines) {
    ++line.unsaid;
    return;
  }
  line.last = now;
  const uint64_t unsaid = std::exchange(line.unsaid, 0);
  log::Warning("cut the connection of {}: it {}{}{}; {}{}", peer, Explain(reason),
               detail.empty() ? "" : ": ", detail,
               reason == "vanished" ? "look at that machine and at the network"
                                    : "if that is no attack, update its software",
               unsaid ? fmt::format(" ({} more like it since the last line)", unsaid) : "");
}

}  // namespace fate::relay
