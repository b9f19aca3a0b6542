#pragma once

// The addresses under which this gateway's own listeners can be reached, to find routes that lead
// back to it. A listener on 0.0.0.0 is reached under every address of this machine.

#include <set>
#include <string>

#include "relay/socket.h"

namespace fate::rollsite {

// A numeric address of this machine: loopback, or one of its interfaces.
bool IsThisMachine(const std::string& host);

class OwnAddresses {
 public:
  void Add(const relay::Address& listener);
  // `address.host` may be "localhost"; other names are not looked up.
  bool Contains(const relay::Address& address) const;

 private:
  std::set<relay::Address> exact_;
  std::set<int> any_host_;             // ports of listeners on all addresses
  std::set<std::string> local_hosts_;  // of this machine's interfaces, read with the first of them
};

}  // namespace fate::rollsite
