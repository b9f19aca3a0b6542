#pragma once

// The exchange's end of polling (spec/rollsite.md 8.4): parties without an inbound port keep
// streams open here, each of which carries one call to them.
//
//   party                            exchange                         caller
//   polling, {dst: own id}  ------>  parked
//                                    <------------------------------  push or unaryCall
//   {push, 1..n, packet}    <------  one frame for each packet
//   {sub_stream_finish}     <------  the caller's half has ended
//   {push, 1, metadata}     ------>  the answer  ------------------>
//
// A unary call goes as {unary_call, 1, packet} and is answered alike, a queue push as an invoke
// (polling_frames.h); {error_poison, desc} ends any of them from both ends. Packets are passed on
// as they come in, never held whole.

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rollsite/gateway.h"

namespace fate::rollsite {

class Exchanger;
class PolledCall;

class PollingExchange {
 public:
  explicit PollingExchange(Gateway* gateway) : gateway_(gateway) {}
  ~PollingExchange();

  // A party's stream.
  void Serve(relay::Stream* stream, const relay::Headers& head);
  // A call to a party that polls; `method`: kPollingPush, kPollingUnary or kPollingInvoke;
  // `received`: DATA so far, `ended`: all of it. Waits for a stream of the party until the
  // caller's deadline, or for a minute.
  void Pass(const char* method, const std::string& party, relay::Stream* stream,
            const relay::Headers& head, std::vector<relay::Slice> received, bool ended);

  size_t parked_streams() const;
  size_t waiting_calls() const;
  // Ends the parked streams, and as UNAVAILABLE the calls that wait for one.
  void Stop();

 private:
  friend class Exchanger;
  // False when the party has too many streams.
  bool Park(const std::string& party, std::shared_ptr<Exchanger> exchanger);
  void Unpark(const std::string& party, const Exchanger* exchanger);
  void Acquire(const std::string& party, const std::shared_ptr<PolledCall>& call);
  void Sweep();

  Gateway* const gateway_;
  std::map<std::string, std::deque<std::shared_ptr<Exchanger>>> parked_;
  std::map<std::string, std::deque<std::weak_ptr<PolledCall>>> waiting_;  // some have left
  bool stopping_ = false;
  size_t added_ = 0, sweep_at_ = 0;  // calls that began to wait since the last sweep
};

}  // namespace fate::rollsite
