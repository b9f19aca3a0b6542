#pragma once

// What a listener and a connection to another daemon need for TLS.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "tls/context.h"
#include "tls/handshaker.h"

namespace fate::relay {

struct TlsServer {
  // The settings for the next connection, from the loop; null: none can be served now.
  std::function<std::shared_ptr<const tls::Context>()> context;
  tls::Handshaker* handshaker = nullptr;
  // The end of each handshake: OK, or why it failed.
  std::function<void(const absl::Status& result)> on_handshake = [](const absl::Status&) {};
};

// An immutable value. Settings that change (renewed certificates) keep their id and come as a new
// value: new calls then take new connections, and the old ones end with the calls they carry.
struct TlsClient {
  uint64_t id = 0;  // tells settings apart; never 0
  std::shared_ptr<const tls::Context> context;
  std::string server_name;  // expected in the server's certificate; "": the host of the address
  tls::Handshaker* handshaker = nullptr;
};

}  // namespace fate::relay
