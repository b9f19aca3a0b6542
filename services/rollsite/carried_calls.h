#pragma once

// Calls that came in by another way than a connection of the caller's, such as a polling stream,
// and are made again to this process's own listener. There they have to count as their caller's,
// whose certificate says who may speak: a header that nobody else can know leads back to it. So do
// the steps of a call that this process serves itself, such as a push that goes on by polling: they
// are that call, and it is recorded already.
// Belongs to the loop's thread.

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "relay/socket.h"
#include "relay/stream.h"

namespace fate::rollsite {

inline constexpr char kCarriedHeader[] = "x-fate-carried";

// Whether a header of a call goes along where HTTP/2 does not: over a polling stream or HTTP/1.1.
bool GoesAlong(std::string_view name);

class CarriedCalls {
 public:
  struct Carried {
    relay::Peer caller;
    bool recorded;
    relay::Address exchange;  // that has brought it by polling; else empty
  };
  // Lets a call count as the peer's for as long as it lives, at most as long as its CarriedCalls.
  class Ticket {
   public:
    Ticket(CarriedCalls* calls, Carried carried);
    ~Ticket() { calls_->peers_.erase(at_); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    relay::Header header() const { return {kCarriedHeader, at_->first}; }

   private:
    CarriedCalls* const calls_;
    const std::map<std::string, Carried, std::less<>>::iterator at_;
  };

  std::unique_ptr<Ticket> Carry(const relay::Peer& peer, const relay::Address& exchange = {}) {
    return std::make_unique<Ticket>(this, Carried{peer, /*recorded=*/false, exchange});
  }
  // A step of a call that is being recorded.
  std::unique_ptr<Ticket> CarryStep(const relay::Peer& peer) {
    return std::make_unique<Ticket>(this, Carried{peer, /*recorded=*/true, {}});
  }
  // What the call on a stream of `peer` belongs to; null unless that is this machine and the call
  // is a carried one.
  const Carried* Find(const relay::Peer& peer, const relay::Headers& head) const;
  // The call on a stream of `peer` was a carried one, whose ticket has been given back: it must not
  // pass for this machine's own.
  bool IsOver(const relay::Peer& peer, const relay::Headers& head) const;

 private:
  std::map<std::string, Carried, std::less<>> peers_;
};

}  // namespace fate::rollsite
