#pragma once

// What the load generator can do. Each prints one line of JSON; a call that fails ends the
// program with its text.

#include <memory>
#include <string>

#include "relay/socket.h"
#include "relay/tls.h"

namespace fate::bench {

struct Options {
  relay::Address to;  // whom the calls go to
  relay::Address at;  // queue: where the messages are popped
  std::string party = "10000";
  std::shared_ptr<const relay::TlsClient> tls;
  bool queue_push = false;  // unary: PrivateTransferTransport/push instead of unaryCall
  size_t bytes = 1024;
  int concurrency = 32;
  int connections = 4;  // 0: a new one for every call
  double seconds = 2;
  int streams = 1, messages = 1000;  // push: messages of each stream
  int delay_ms = 0;                  // push: of the sink
  int stalled = 0;                   // unary: downloads that stall meanwhile
  int topics = 1;                    // park, queue
};

// Calls one after another, `concurrency` at a time, for `seconds`.
int RunUnary(const Options& options);
// `streams` pushes at a time, each of `messages` messages.
int RunPush(const Options& options);
// Parks a pop for each of `topics`, says so, waits for a line on stdin, then wakes `messages` of
// them one after another.
int RunPark(const Options& options);
// Pushes `messages` to each of `topics` at `to` and pops them at `at`; in each topic one push and
// one pop at a time.
int RunQueue(const Options& options);

}  // namespace fate::bench
