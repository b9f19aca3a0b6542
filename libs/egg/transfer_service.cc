#include "egg/transfer_service.h"

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "base/status.h"
#include "eggroll/transfer.grpc.pb.h"
#include "kv/store.h"
#include "wire/pair_batch.h"

namespace fate::egg {
namespace {

using com::webank::eggroll::core::transfer::TransferBatch;
using com::webank::eggroll::core::transfer::TransferHeader;
using Generated = com::webank::eggroll::core::transfer::TransferService;

// Eggs end every failure as UNKNOWN behind the words of Python's gRPC server (section 4).
grpc::Status ToWire(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(grpc::StatusCode::UNKNOWN,
                      "Exception calling application: " + Message(status));
}

// Reads one `send` stream into its broker. Steps follow one another, never two at a time:
//   read -> (first message: wait for the broker) -> put -> (full: wait for room) -> read ...
// At the end of the messages a broken connection looks like a half-close; sending the initial
// metadata tells them apart, because it fails on a broken one. Only then the broker hears of
// the end. A stream that breaks before its first message is known by the tag in its metadata.
class SendReactor : public grpc::ServerReadReactor<TransferBatch> {
 public:
  SendReactor(BrokerRegistry* brokers, std::string announced_tag, TransferBatch* response)
      : brokers_(brokers), announced_tag_(std::move(announced_tag)), response_(response) {
    StartRead(&batch_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return StartSendInitialMetadata();
    if (broker_ != nullptr) return Put();
    *response_->mutable_header() = batch_.header();
    response_->mutable_header()->clear_totalsize();
    response_->mutable_header()->clear_status();
    brokers_->AwaitBroker(batch_.header().tag(), cancelled_,
                          [this](absl::StatusOr<std::shared_ptr<Broker>> broker) {
                            if (!broker.ok()) return Finish(ToWire(broker.status()));
                            broker_ = *std::move(broker);
                            Put();
                          });
  }

  void OnSendInitialMetadataDone(bool ok) override {
    if (!ok) return Break();
    if (broker_ == nullptr) {
      return Finish(ToWire(
          InvalidArgumentError("error in GrpcTransferServicer.send: empty request_iterator")));
    }
    broker_->FinishWriter();
    Finish(ToWire(broker_->status()));
  }

  void OnCancel() override { *cancelled_ = true; }
  void OnDone() override { delete this; }

 private:
  void Break() {
    const std::string tag = broker_ == nullptr ? announced_tag_ : response_->header().tag();
    absl::Status reason =
        UnavailableError("the sender of {} has left in the middle of its stream", tag);
    if (broker_ != nullptr) {
      broker_->Fail(reason);
    } else {
      brokers_->FailWaiting(tag, reason);
    }
    Finish(ToWire(reason));
  }

  void Put() {
    if (batch_.header().status() == kFailedStatus) {
      broker_->Fail(UnavailableError("the sender of {} failed: {}", response_->header().tag(),
                                     batch_.header().ext()));
    }
    Batch batch{.data = std::move(*batch_.mutable_data()),
                .ext = std::move(*batch_.mutable_header()->mutable_ext())};
    if (broker_->Put(std::move(batch), [this] { ReadOn(); })) ReadOn();
  }
  void ReadOn() {
    if (absl::Status status = broker_->status(); !status.ok()) return Finish(ToWire(status));
    StartRead(&batch_);
  }

  BrokerRegistry* const brokers_;
  const std::string announced_tag_;
  TransferBatch* const response_;
  TransferBatch batch_;
  std::shared_ptr<Broker> broker_;
  std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
};

// Streams one partition. A thread reads the store and waits for gRPC between two batches.
class RecvReactor : public grpc::ServerWriteReactor<TransferBatch> {
 public:
  RecvReactor(BrokerRegistry* brokers, Threads* threads, std::string tag)
      : threads_(threads), tag_(std::move(tag)) {
    brokers->AwaitSource(tag_, cancelled_, [this](absl::StatusOr<GetAllSource> source) {
      if (!source.ok()) return Finish(ToWire(source.status()));
      absl::Status started =
          threads_->Start([this, source = *std::move(source)] { Finish(ToWire(Stream(source))); });
      if (!started.ok()) Finish(ToWire(started));
    });
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    broken_ = !ok;
    changed_.notify_one();
  }
  void OnCancel() override { *cancelled_ = true; }
  void OnDone() override { delete this; }

 private:
  absl::Status Stream(const GetAllSource& source) {
    ASSIGN_OR_RETURN(kv::Store store, kv::Store::Open(source.partition_path));
    ASSIGN_OR_RETURN(kv::Cursor cursor, store.Scan());
    wire::PairBatchWriter batches(wire::kDefaultSendBufferBytes,
                                  [this](std::string batch) { return Write(std::move(batch)); });
    for (int64_t left = source.limit; left != 0 && cursor.Next(); --left) {
      RETURN_IF_ERROR(batches.Add(cursor.key(), cursor.value()));
    }
    RETURN_IF_ERROR(cursor.status());
    RETURN_IF_ERROR(batches.Finish());
    return AwaitWrite();
  }

  absl::Status Write(std::string data) {
    RETURN_IF_ERROR(AwaitWrite());
    message_.mutable_header()->set_id(next_id_++);
    message_.mutable_header()->set_tag(tag_);
    message_.set_data(std::move(data));
    writing_ = true;
    StartWrite(&message_);
    return absl::OkStatus();
  }

  absl::Status AwaitWrite() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !writing_; });
    if (!broken_) return absl::OkStatus();
    return CancelledError("the reader of {} has left", tag_);
  }

  Threads* const threads_;
  const std::string tag_;
  TransferBatch message_;
  int next_id_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool writing_ = false;  // the thread sets it, OnWriteDone clears it
  bool broken_ = false;
  std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace

class TransferService::Impl : public Generated::CallbackService {
 public:
  Impl(BrokerRegistry* brokers, Threads* threads) : brokers_(brokers), threads_(threads) {}

  grpc::ServerReadReactor<TransferBatch>* send(grpc::CallbackServerContext* context,
                                               TransferBatch* response) override {
    auto tag = context->client_metadata().find("transfer_broker_name");
    bool announced = tag != context->client_metadata().end();
    return new SendReactor(
        brokers_, announced ? std::string(tag->second.data(), tag->second.size()) : "", response);
  }
  grpc::ServerWriteReactor<TransferBatch>* recv(grpc::CallbackServerContext*,
                                                const TransferBatch* request) override {
    return new RecvReactor(brokers_, threads_, request->header().tag());
  }

 private:
  BrokerRegistry* const brokers_;
  Threads* const threads_;
};

TransferService::TransferService(BrokerRegistry* brokers, Threads* threads)
    : impl_(std::make_unique<Impl>(brokers, threads)) {}
TransferService::~TransferService() = default;
grpc::Service* TransferService::service() { return impl_.get(); }

}  // namespace fate::egg
