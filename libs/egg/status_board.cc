#include "egg/status_board.h"

#include "base/status.h"

namespace fate::egg {
namespace {

using Counters = std::map<int64_t, int64_t>;

template <class Repeated>
void Append(const Counters& counters, Repeated* field) {
  for (const auto& [key, value] : counters) {
    auto* entry = field->Add();
    entry->set_key(key);
    entry->set_value(value);
  }
}

}  // namespace

absl::StatusOr<StatusBoard::Record*> StatusBoard::RecordOf(const std::string& tag) {
  auto it = records_.find(tag);
  if (it != records_.end()) return &it->second;
  if (records_.size() >= kMaxRecords) {
    return ResourceExhaustedError("{} messages are kept; clear those that were read",
                                  records_.size());
  }
  return &records_[tag];
}

absl::Status StatusBoard::SeeHeader(const std::string& tag, const wire::RollSiteHeader& header) {
  {
    std::lock_guard lock(mutex_);
    ASSIGN_OR_RETURN(Record * record, RecordOf(tag));
    if (record->has_header) return absl::OkStatus();
    record->has_header = true;
    record->first_header = header;
  }
  room_->Wake("header " + tag);
  return absl::OkStatus();
}

void StatusBoard::Count(const StoredBatch& batch, Record* record) {
  const wire::RollSiteHeader& header = batch.header;
  int64_t& pairs = record->pairs_of_batch[header.batchseq()];
  record->pairs_of_stream[header.streamseq()] += batch.pairs - pairs;
  pairs = batch.pairs;
  record->last_batch_of_stream[header.streamseq()] = header.batchseq();
  record->data_type = header.datatype();
  if (header.stage() == wire::kFinishPartition) {
    record->done = true;
    record->total_batches = header.totalbatches();
    record->total_streams = header.totalstreams();
  }
}

absl::Status StatusBoard::EndStream(const std::string& tag,
                                    const std::vector<StoredBatch>& batches) {
  {
    std::lock_guard lock(mutex_);
    ASSIGN_OR_RETURN(Record * record, RecordOf(tag));
    for (const StoredBatch& batch : batches) Count(batch, record);
    record->finished = record->done &&
                       static_cast<int64_t>(record->pairs_of_batch.size()) == record->total_batches;
    if (!record->finished) return absl::OkStatus();
  }
  room_->Wake("finished " + tag);
  return absl::OkStatus();
}

void StatusBoard::AwaitHeader(const std::string& tag, absl::Time deadline, CancelFlag cancelled,
                              WithHeader then) {
  wire::RollSiteHeader header;
  {
    std::lock_guard lock(mutex_);
    auto it = records_.find(tag);
    if (it == records_.end() || !it->second.has_header) {
      room_->Park("header " + tag, deadline, cancelled, [=, this](WaitingRoom::Outcome outcome) {
        if (outcome == WaitingRoom::Outcome::kEvent) {
          AwaitHeader(tag, deadline, cancelled, then);
        } else if (outcome == WaitingRoom::Outcome::kCancelled) {
          then(CancelledError("cancelled while waiting for {}", tag));
        } else {
          then(DeadlineExceededError("no header of {} came in time", tag));
        }
      });
      return;
    }
    header = it->second.first_header;
  }
  then(std::move(header));
}

void StatusBoard::AwaitFinished(const std::string& tag, absl::Time deadline, CancelFlag cancelled,
                                WithStatus then) {
  PartitionStatus status;
  {
    std::lock_guard lock(mutex_);
    auto it = records_.find(tag);
    if (it == records_.end() || !it->second.finished) {
      room_->Park("finished " + tag, deadline, cancelled, [=, this](WaitingRoom::Outcome outcome) {
        if (outcome == WaitingRoom::Outcome::kCancelled) {
          return then(CancelledError("cancelled while waiting for {}", tag));
        }
        PartitionStatus now;
        {
          std::lock_guard relock(mutex_);
          now = StatusOf(tag);
        }
        then(std::move(now));
      });
      return;
    }
    status = StatusOf(tag);
  }
  then(std::move(status));
}

StatusBoard::PartitionStatus StatusBoard::StatusOf(const std::string& tag) const {
  static const Record kUntouched;
  auto it = records_.find(tag);
  const Record& record = it == records_.end() ? kUntouched : it->second;
  PartitionStatus status;
  status.set_tag(tag);
  status.set_is_finished(record.finished);
  status.set_total_batches(record.total_batches);
  status.set_total_streams(record.total_streams);
  status.set_data_type(record.data_type);
  Append(record.pairs_of_batch, status.mutable_batch_seq_to_pair_counter());
  Append(record.pairs_of_stream, status.mutable_stream_seq_to_pair_counter());
  Append(record.last_batch_of_stream, status.mutable_stream_seq_to_batch_seq());
  int64_t total_pairs = 0;
  for (const auto& [batch, pairs] : record.pairs_of_batch) total_pairs += pairs;
  status.set_total_pairs(total_pairs);
  return status;
}

void StatusBoard::Clear(const std::string& tag) {
  std::lock_guard lock(mutex_);
  records_.erase(tag);
}

}  // namespace fate::egg
