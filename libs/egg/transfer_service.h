#pragma once

// com.webank.eggroll.core.transfer.TransferService: `send` fills brokers, `recv` streams a
// partition (spec/eggroll-compute-and-storage.md 7). Callback API; a stream whose broker is full
// is not read, so memory stays bounded and the sender slows down.

#include <memory>

#include "egg/broker.h"
#include "egg/threads.h"

namespace grpc {
class Service;
}

namespace fate::egg {

class TransferService {
 public:
  // Both must outlive the server that serves this.
  TransferService(BrokerRegistry* brokers, Threads* threads);
  ~TransferService();
  grpc::Service* service();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fate::egg
