#include "rollsite/polling_exchange.h"

#include <algorithm>

#include "base/limits.h"
#include "base/status.h"
#include "rollsite/polled_call.h"

namespace fate::rollsite {
namespace {

// Calls that began to wait and may have left, before the first sweep.
constexpr size_t kFirstSweep = 64;

absl::Status TakesNo(const char* method, const std::string& party) {
  return UnimplementedError(
      "party {} polls with a rollsite that takes no {}: let it run this rollsite, or set "
      "federation.osx.mode to stream; nothing was sent",
      party, method);
}

// A call that waited has sent nothing: who can repeat it, will.
void FailStopping(const std::string& party, PolledCall* call) {
  call->Fail(
      UnavailableError("this rollsite is stopping; polling party {} was sent nothing", party));
}

}  // namespace

PollingExchange::~PollingExchange() { Stop(); }

void PollingExchange::Serve(relay::Stream* stream, const relay::Headers& head) {
  if (!gateway_->config().polling_server) {
    return Refuse("polling", stream,
                  UnimplementedError("this rollsite serves no polling parties; set "
                                     "eggroll.rollsite.polling.server.enabled=true"));
  }
  auto exchanger = std::make_shared<Exchanger>(this, stream, head);
  stream->SetHandler(exchanger);
  exchanger->StartTimer(gateway_->config().polling_no_data_timeout);
}

void PollingExchange::Pass(const char* method, const std::string& party, relay::Stream* stream,
                           const relay::Headers& head, std::vector<relay::Slice> received,
                           bool ended) {
  auto call = PolledCall::Make(method, party, stream, head);
  stream->SetHandler(call);
  call->Start(head, std::move(received), ended);
  Acquire(party, call);
}

void PollingExchange::Acquire(const std::string& party, const std::shared_ptr<PolledCall>& call) {
  if (stopping_) return FailStopping(party, call.get());
  auto parked = parked_.find(party);
  if (parked == parked_.end()) {
    if (++added_ > sweep_at_) Sweep();
    waiting_[party].push_back(call);
    return;
  }
  auto& streams = parked->second;
  auto one = std::find_if(streams.begin(), streams.end(),
                          [&](const auto& stream) { return stream->Takes(call->method()); });
  if (one == streams.end()) return call->Fail(TakesNo(call->method(), party));
  std::shared_ptr<Exchanger> exchanger = std::move(*one);
  streams.erase(one);
  if (streams.empty()) parked_.erase(parked);
  call->Use(std::move(exchanger));
}

// Forgets calls that have left, before there are more of them than of those that wait.
void PollingExchange::Sweep() {
  size_t waiting = 0;
  for (auto& [party, calls] : waiting_) {
    std::erase_if(calls, [](const auto& weak) { return weak.expired(); });
    waiting += calls.size();
  }
  std::erase_if(waiting_, [](const auto& entry) { return entry.second.empty(); });
  added_ = 0;
  sweep_at_ = std::max(waiting, kFirstSweep);
}

bool PollingExchange::Park(const std::string& party, std::shared_ptr<Exchanger> exchanger) {
  if (stopping_) {
    exchanger->EndQuietly();
    return true;
  }
  for (auto waiting = waiting_.find(party); waiting != waiting_.end();) {
    const std::shared_ptr<PolledCall> call = waiting->second.front().lock();
    waiting->second.pop_front();
    if (waiting->second.empty()) {
      waiting_.erase(waiting);
      waiting = waiting_.end();
    }
    if (call == nullptr || !call->waits()) continue;
    if (exchanger->Takes(call->method())) {
      call->Use(std::move(exchanger));
      return true;
    }
    call->Fail(TakesNo(call->method(), party));
  }
  auto& parked = parked_[party];
  if (parked.size() >= static_cast<size_t>(kMaxPollingStreams)) return false;
  parked.push_back(std::move(exchanger));
  return true;
}

void PollingExchange::Unpark(const std::string& party, const Exchanger* exchanger) {
  auto parked = parked_.find(party);
  if (parked == parked_.end()) return;
  std::erase_if(parked->second, [&](const auto& one) { return one.get() == exchanger; });
  if (parked->second.empty()) parked_.erase(parked);
}

size_t PollingExchange::parked_streams() const {
  size_t count = 0;
  for (const auto& [party, exchangers] : parked_) count += exchangers.size();
  return count;
}

size_t PollingExchange::waiting_calls() const {
  size_t count = 0;
  for (const auto& [party, calls] : waiting_) {
    for (const auto& weak : calls) {
      const auto call = weak.lock();
      count += call && call->waits();
    }
  }
  return count;
}

void PollingExchange::Stop() {
  stopping_ = true;
  for (auto& [party, exchangers] : std::exchange(parked_, {})) {
    for (const auto& exchanger : exchangers) exchanger->EndQuietly();
  }
  for (const auto& [party, calls] : std::exchange(waiting_, {})) {
    for (const auto& weak : calls) {
      if (const auto call = weak.lock(); call && call->waits()) FailStopping(party, call.get());
    }
  }
}

}  // namespace fate::rollsite
