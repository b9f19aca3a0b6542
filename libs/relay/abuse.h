#pragma once

// What a peer may cost without getting anything done, counted per connection, and how its end is
// told. Calls and their data are paid for by windows and limits of streams; this is about the rest
// of HTTP/2: frames that only make work (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA,
// refused ones) and calls that are opened and reset at once (CVE-2023-44487). Acknowledgements
// that are not read and CONTINUATIONs without end are http2::Session's to bound.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/time/time.h"

namespace fate::relay {

// Entries of a header block; its bytes are bounded by kMaxHttpHeaderBytes.
inline constexpr size_t kMaxHeaders = 256;

// A call that is reset this soon after its start counts as rapid.
inline constexpr absl::Duration kRapidReset = absl::Milliseconds(500);

// Pure: time comes from the caller.
class AbuseMeter {
 public:
  // Burst and refill a second. Honest clients stay far below: what they send besides calls is a
  // few frames for each frame of data, and data pays for kPaidByData of them.
  static constexpr double kFrames = 10'000, kFramesPerSecond = 1'000, kPaidByData = 4;
  static constexpr double kResets = 1'000, kResetsPerSecond = 200;
  // Received in a row without a call or data, either way. Larger than what may be under way of
  // streams that were reset.
  static constexpr size_t kBarrenBytes = size_t{16} << 20;
  // What costs more than a frame without consequence does.
  static constexpr double kPriorityFrame = 100, kSettingsFrame = 50, kRefusedFrame = 10,
                          kRefusedHeaders = 200;

  void Tick(absl::Time now);
  void Received(size_t bytes) { barren_bytes_ += bytes; }
  void Frame(double cost) { frames_ -= cost; }
  void Data();  // sent or received, not empty
  void CallBegun() { barren_bytes_ = 0; }
  void CallReset() { resets_ -= 1; }
  void CallCompleted();

  // "" while all is well, else the reason as the metric's label names it.
  std::string_view Verdict() const;

 private:
  absl::Time last_ = absl::InfinitePast();
  double frames_ = kFrames, resets_ = kResets;
  size_t barren_bytes_ = 0;
};

// For people: "it resets calls as soon as it has made them (...)".
std::string_view Explain(std::string_view reason);

// How much to read at once from a connection whose reads make much work, so that the others of
// the thread wait for milliseconds only: reads shrink until each brings about kWorkPerRead.
class ReadPace {
 public:
  static constexpr size_t kFirstBytes = 16 << 10, kLeastBytes = 4 << 10, kMostBytes = 1 << 20;
  static constexpr size_t kWorkPerRead = 1024, kWorkOfCall = 16;

  size_t bytes() const { return bytes_; }
  void Work(size_t amount) { work_ += amount; }
  // A read has been worked off.
  void Done(size_t read_bytes);

 private:
  size_t bytes_ = kFirstBytes, work_ = 0;
};

// Counts relay_cut_connections_total{reason} and says so in the log, at most once in 10 s for each
// reason. Any thread.
void ReportCut(std::string_view reason, std::string_view peer, std::string_view detail,
               absl::Time now);

}  // namespace fate::relay
