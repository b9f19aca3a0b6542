#pragma once

// Calls that came in by another way than a connection of the caller's, such as a polling stream,
// and are made again to this process's own listener. There they have to count as their caller's,
// whose certificate says who may speak: a header that nobody else can know leads back to it.
// Belongs to the loop's thread.

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "relay/stream.h"

namespace fate::rollsite {

inline constexpr char kCarriedHeader[] = "x-fate-carried";

// Whether a header of a call goes along where HTTP/2 does not: over a polling stream or HTTP/1.1.
bool GoesAlong(std::string_view name);

class CarriedCalls {
 public:
  // Lets a call count as the peer's for as long as it lives, at most as long as its CarriedCalls.
  class Ticket {
   public:
    Ticket(CarriedCalls* calls, const relay::Peer& peer);
    ~Ticket() { calls_->peers_.erase(at_); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    relay::Header header() const { return {kCarriedHeader, at_->first}; }

   private:
    CarriedCalls* const calls_;
    const std::map<std::string, relay::Peer, std::less<>>::iterator at_;
  };

  std::unique_ptr<Ticket> Carry(const relay::Peer& peer) {
    return std::make_unique<Ticket>(this, peer);
  }
  // The peer that the call on a stream of `peer` comes from: it, unless it is this machine and
  // the call is a carried one.
  const relay::Peer& CallerOf(const relay::Peer& peer, const relay::Headers& head) const;

 private:
  std::map<std::string, relay::Peer, std::less<>> peers_;
};

}  // namespace fate::rollsite
