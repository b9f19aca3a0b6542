#include "relay/keep_alive.h"

#include <algorithm>

#include "base/metrics.h"
#include "base/status.h"
#include "relay/connection.h"

namespace fate::relay {
namespace {

constexpr absl::Duration kMostLook = absl::Seconds(2), kLeastLook = absl::Milliseconds(10);

void CountAsked() {
  static auto& counter = prometheus::BuildCounter()
                             .Name("relay_keepalive_pings_total")
                             .Help("Peers with open calls asked whether they are still there")
                             .Register(Metrics())
                             .Add({});
  counter.Increment();
}

}  // namespace

absl::Duration KeepAliveSettings::look() const {
  return std::clamp(std::min(idle, timeout) / 4, kLeastLook, kMostLook);
}

KeepAlive::Action KeepAlive::Look(absl::Time now, bool has_calls, const KeepAliveSettings& settings,
                                  absl::Duration again) {
  if (heard_ > asked_) asked_ = absl::InfiniteFuture();
  if (asked_ != absl::InfiniteFuture()) {
    return now - asked_ > settings.timeout ? Action::kGiveUp : Action::kNothing;
  }
  const bool asks = has_calls && Silence(now) > settings.idle && now - asked_before_ > again;
  if (!asks) return Action::kNothing;
  asked_ = asked_before_ = now;
  return Action::kAsk;
}

bool Connection::IsSilent(const KeepAliveSettings& settings) const {
  return !closed_ && handshaken_ && !reading_paused_ &&
         keep_alive_.Silence(loop_->Now()) > std::min(settings.idle, settings.timeout);
}

void Connection::LookForPeer(const KeepAliveSettings& settings) {
  if (!IsSilent(settings)) return;
  const absl::Time now = loop_->Now();
  const absl::Duration silence = keep_alive_.Silence(now);
  if (silence > settings.idle && socket_.Unacknowledged() > settings.timeout) {
    return GiveUpPeer("its machine does not acknowledge what it was sent", silence);
  }
  // A PING would wait behind what the peer does not take yet.
  if (write_blocked_ || !out_.empty() || socket_.has_unsent()) return;
  const absl::Duration again = side_ == Side::kClient ? KeepAlive::kAskAgain : absl::ZeroDuration();
  switch (keep_alive_.Look(now, stream_count() > 0, settings, again)) {
    case KeepAlive::Action::kNothing:
      return;
    case KeepAlive::Action::kGiveUp:
      return GiveUpPeer("it does not answer a PING", silence);
    case KeepAlive::Action::kAsk:
      CountAsked();
      session_.Ping();
      return MarkDirty();
  }
}

void Connection::GiveUpPeer(std::string_view what, absl::Duration silence) {
  const std::string detail = fmt::format(
      "{}, silent for {} with {} calls", what,
      absl::FormatDuration(absl::Trunc(silence, absl::Milliseconds(100))), stream_count());
  ReportCut("vanished", PeerText(), detail, loop_->Now());
  Close(
      UnavailableError("{} has vanished: {}; the machine is down or cut off", PeerText(), detail));
}

}  // namespace fate::relay
