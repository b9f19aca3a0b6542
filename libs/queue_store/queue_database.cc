#include "queue_store/queue_database.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/status.h"
#include "base/text.h"
#include "rocksdb/cache.h"
#include "rocksdb/table.h"

namespace fate::queue_store {
namespace {

using transfer_queue::RecoveredQueue;
using transfer_queue::StoredMessage;

constexpr size_t kMemtableBytes = 32 << 20;
constexpr size_t kIndexMemtableBytes = 4 << 20;
constexpr size_t kBlobBytes = 4 << 10;
constexpr size_t kBlobFileBytes = 64 << 20;
constexpr size_t kBatchBytes = 32 << 20;  // beyond it a batch is written before more is added
constexpr size_t kCacheBytes = 4 << 20;
// Left free on the disk, or a 50th of it when it is small: others need some, too.
constexpr uint64_t kReserveBytes = 256 << 20;
constexpr uint64_t kReservePart = 50;
// A queue with more messages is dropped as a range: ranges slow down reading.
constexpr uint64_t kMaxSingleErasures = 256;

std::string Number(uint64_t number) {
  std::string bytes(8, '\0');
  for (size_t i = 8; i-- > 0; number >>= 8) bytes[i] = static_cast<char>(number);
  return bytes;
}

uint64_t ParseNumber(rocksdb::Slice bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < 8; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

std::string MessageKey(uint64_t queue, uint64_t offset) { return Number(queue) + Number(offset); }
std::string IndexKey(char kind, uint64_t queue, const std::string& rest = "") {
  return kind + Number(queue) + rest;
}

rocksdb::ColumnFamilyOptions MessageOptions() {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = kMemtableBytes;
  options.compression = rocksdb::kNoCompression;
  options.enable_blob_files = true;
  options.min_blob_size = kBlobBytes;
  options.blob_file_size = kBlobFileBytes;
  return options;
}

rocksdb::ColumnFamilyOptions IndexOptions() {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = kIndexMemtableBytes;
  options.compression = rocksdb::kNoCompression;
  return options;
}

rocksdb::DBOptions DatabaseOptions() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_background_jobs = 2;
  options.max_open_files = 128;
  options.max_total_wal_size = 4 * kMemtableBytes;
  options.allow_fallocate = false;  // what is reserved looks like a full disk
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1 << 20;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

rocksdb::WriteOptions Logged(bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  return options;
}

rocksdb::WriteOptions Unlogged() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return options;
}

// Length of party, party, message.
void PutMessage(rocksdb::WriteBatch* batch, rocksdb::ColumnFamilyHandle* family,
                const transfer_queue::WriteMessage& write) {
  std::string key = MessageKey(write.id.queue, write.id.offset);
  std::string head(1, static_cast<char>(write.party.size()));
  head += write.party;
  std::vector<rocksdb::Slice> parts = {head};
  for (const Slice& piece : write.payload.pieces()) parts.emplace_back(piece.data, piece.size);
  rocksdb::Slice key_slice(key);
  batch->Put(family, rocksdb::SliceParts(&key_slice, 1),
             rocksdb::SliceParts(parts.data(), static_cast<int>(parts.size())));
}

std::optional<StoredMessage> ParseMessage(uint64_t offset, std::string value, bool durable) {
  if (value.empty()) return std::nullopt;
  size_t party = static_cast<unsigned char>(value[0]);
  if (value.size() < 1 + party) return std::nullopt;
  StoredMessage message{offset, value.substr(1, party), {}, durable};
  size_t bytes = value.size() - 1 - party;
  message.payload = Rope(std::move(value)).Sub(1 + party, bytes);
  return message;
}

}  // namespace

absl::StatusOr<std::unique_ptr<QueueDatabase>> QueueDatabase::Open(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return UnavailableError(
        "cannot make the folder {} for queues: {}; create it or change eggroll.rollsite.queue.dir",
        folder, error.message());
  }
  std::unique_ptr<QueueDatabase> database(new QueueDatabase(folder));
  RETURN_IF_ERROR(database->OpenDatabase());
  RETURN_IF_ERROR(database->RenewSpill());
  return database;
}

absl::Status QueueDatabase::OpenDatabase() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kCacheBytes);
  auto with_table = [&table](rocksdb::ColumnFamilyOptions options) {
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return options;
  };
  std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, with_table(IndexOptions())},
      {"durable", with_table(MessageOptions())},
      {"spill", with_table(MessageOptions())}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* database = nullptr;
  rocksdb::Status status =
      rocksdb::DB::Open(DatabaseOptions(), folder_, families, &handles, &database);
  if (!status.ok()) {
    return UnavailableError(
        "cannot open the queues in {}: {}; does another rollsite run on this folder? If it is "
        "damaged, move it away: the messages in it are lost then",
        folder_, status.ToString());
  }
  db_.reset(database);
  index_ = handles[0];
  durable_ = handles[1];
  spill_ = handles[2];
  return absl::OkStatus();
}

// What was spilled belongs to queues of a process that is gone.
absl::Status QueueDatabase::RenewSpill() {
  rocksdb::ColumnFamilyDescriptor descriptor;
  rocksdb::Status status = spill_->GetDescriptor(&descriptor);
  if (status.ok()) status = db_->DropColumnFamily(spill_);
  if (status.ok()) status = db_->DestroyColumnFamilyHandle(std::exchange(spill_, nullptr));
  if (status.ok()) status = db_->CreateColumnFamily(descriptor.options, "spill", &spill_);
  return status.ok() ? absl::OkStatus() : Failure(status, "empty");
}

QueueDatabase::~QueueDatabase() {
  for (auto* family : {index_, durable_, spill_}) {
    if (family) db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  }
  if (db_) db_->Close().PermitUncheckedError();
}

absl::StatusOr<std::vector<RecoveredQueue>> QueueDatabase::Recover() {
  std::map<uint64_t, RecoveredQueue> queues;
  std::unique_ptr<rocksdb::Iterator> entries(db_->NewIterator(rocksdb::ReadOptions(), index_));
  for (entries->SeekToFirst(); entries->Valid(); entries->Next()) {
    rocksdb::Slice key = entries->key();
    std::string value = entries->value().ToString();
    if (key.size() < 9) continue;
    char kind = key[0];
    key.remove_prefix(1);
    uint64_t id = ParseNumber(key);
    key.remove_prefix(8);
    RecoveredQueue& queue = queues[id];
    queue.queue = id;
    if (kind == 'q') {
      size_t end = value.find('\0');
      if (end != std::string::npos) queue.name = {value.substr(0, end), value.substr(end + 1)};
    } else if (kind == 'o') {
      queue.next_offset = ParseInt<uint64_t>(value).value_or(1);
    } else if (kind == 'p') {
      if (auto taken = transfer_queue::SequenceSet::Parse(value)) {
        queue.producers.push_back({key.ToString(), *taken});
      }
    } else if (kind == 'r') {
      queue.released = true;
    } else if (kind == 'm' && key.size() == 8) {
      size_t blank = std::min(value.find(' '), value.size());
      auto bytes = ParseInt<uint64_t>(std::string_view(value).substr(0, blank));
      queue.messages.push_back({ParseNumber(key), bytes.value_or(0),
                                blank < value.size() ? value.substr(blank + 1) : ""});
    }
  }
  if (!entries->status().ok()) return Failure(entries->status(), "read");
  std::vector<RecoveredQueue> result;
  for (auto& [id, queue] : queues) {
    if (!queue.name.session.empty()) result.push_back(std::move(queue));
  }
  return result;
}

void QueueDatabase::Run(std::vector<transfer_queue::StoreCommand> commands, Outcomes* outcomes) {
  for (auto& command : std::exchange(erasures_, {})) {
    std::visit([&](const auto& what) { Add(what, outcomes); }, command);
  }
  for (const auto& command : commands) {
    std::visit([&](const auto& what) { Add(what, outcomes); }, command);
    if (batch_bytes_ >= kBatchBytes) Flush(outcomes);
  }
  Flush(outcomes);
}

void QueueDatabase::Add(const transfer_queue::WriteMessage& write, Outcomes*) {
  uint64_t queue = write.id.queue, offset = write.id.offset;
  tickets_.push_back(write.ticket);
  batch_bytes_ += write.payload.size();
  if (!write.durable) {
    PutMessage(&unlogged_, spill_, write);
    auto [spilled, first] = spilled_.try_emplace(queue, Spilled{offset, offset});
    if (!first) spilled->second.last = offset;
    return;
  }
  has_durable_writes_ = true;
  PutMessage(&logged_, durable_, write);
  logged_.Put(index_, IndexKey('m', queue, Number(offset)),
              fmt::format("{} {}", write.payload.size(), write.party));
  logged_.Put(index_, IndexKey('o', queue), std::to_string(offset + 1));
  if (!write.producer.id.empty()) {
    logged_.Put(index_, IndexKey('p', queue, write.producer.id), write.producer.taken.ToText());
  }
  if (!write.name.session.empty()) {
    logged_.Put(index_, IndexKey('q', queue), write.name.session + '\0' + write.name.topic);
  }
}

void QueueDatabase::Add(const transfer_queue::EraseMessage& erase, Outcomes*) {
  std::string key = MessageKey(erase.id.queue, erase.id.offset);
  if (erase.durable) {
    logged_.Delete(durable_, key);
    logged_.Delete(index_, IndexKey('m', erase.id.queue, Number(erase.id.offset)));
  } else {
    unlogged_.Delete(spill_, key);
  }
  erasures_.push_back(erase);
}

void QueueDatabase::Add(const transfer_queue::DropQueue& drop, Outcomes* outcomes) {
  if (has_durable_writes_) Flush(outcomes);  // so that they are seen and dropped
  if (drop.durable) DropDurable(drop);
  DropSpilled(drop.queue);
  if (drop.ticket != 0) tickets_.push_back(drop.ticket);
  erasures_.push_back(drop);
  std::get<transfer_queue::DropQueue>(erasures_.back()).ticket = 0;
}

void QueueDatabase::DropDurable(const transfer_queue::DropQueue& drop) {
  const uint64_t queue = drop.queue;
  logged_.Delete(index_, IndexKey('o', queue));
  if (drop.keeps_numbers) {
    logged_.Put(index_, IndexKey('r', queue), "");
  } else {
    for (char kind : {'q', 'r'}) logged_.Delete(index_, IndexKey(kind, queue));
    logged_.DeleteRange(index_, IndexKey('p', queue), IndexKey('p', queue + 1));
  }
  std::string begin = IndexKey('m', queue), end = IndexKey('m', queue + 1);
  rocksdb::ReadOptions options;
  rocksdb::Slice bound(end);
  options.iterate_upper_bound = &bound;
  std::unique_ptr<rocksdb::Iterator> entries(db_->NewIterator(options, index_));
  std::vector<std::string> offsets;
  for (entries->Seek(begin); entries->Valid() && offsets.size() <= kMaxSingleErasures;
       entries->Next()) {
    offsets.push_back(entries->key().ToString().substr(begin.size()));
  }
  if (offsets.size() > kMaxSingleErasures || !entries->status().ok()) {
    logged_.DeleteRange(index_, begin, end);
    logged_.DeleteRange(durable_, Number(queue), Number(queue + 1));
    return;
  }
  for (const std::string& offset : offsets) {
    logged_.Delete(index_, begin + offset);
    logged_.Delete(durable_, Number(queue) + offset);
  }
}

void QueueDatabase::DropSpilled(uint64_t queue) {
  auto spilled = spilled_.find(queue);
  if (spilled == spilled_.end()) return;
  auto [first, last] = spilled->second;
  if (last - first >= kMaxSingleErasures) {
    unlogged_.DeleteRange(spill_, Number(queue), Number(queue + 1));
    return;
  }
  for (uint64_t offset = first; offset <= last; ++offset) {
    unlogged_.Delete(spill_, MessageKey(queue, offset));
  }
}

void QueueDatabase::Add(const transfer_queue::LoadMessages& load, Outcomes* outcomes) {
  Flush(outcomes);
  std::vector<StoredMessage> messages;
  size_t bytes = 0;
  // A queue becomes durable once: what was spilled comes before.
  absl::Status status = Read(spill_, load, &bytes, &messages);
  bool more = bytes < load.bytes || messages.empty();
  if (status.ok() && more) status = Read(durable_, load, &bytes, &messages);
  outcomes->emplace_back(
      transfer_queue::Loaded{load.ticket, std::move(status), std::move(messages)});
}

absl::Status QueueDatabase::Read(rocksdb::ColumnFamilyHandle* family,
                                 const transfer_queue::LoadMessages& load, size_t* bytes,
                                 std::vector<StoredMessage>* messages) const {
  if (family == spill_ && !spilled_.count(load.from.queue)) return absl::OkStatus();
  std::string end = Number(load.from.queue + 1);
  rocksdb::Slice bound(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &bound;
  options.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> entries(db_->NewIterator(options, family));
  for (entries->Seek(MessageKey(load.from.queue, load.from.offset)); entries->Valid();
       entries->Next()) {
    rocksdb::Slice key = entries->key();
    key.remove_prefix(8);
    auto message = ParseMessage(ParseNumber(key), entries->value().ToString(), family == durable_);
    if (!message) return DataLossError("a damaged message in the queues of {}", folder_);
    *bytes += message->payload.size();
    messages->push_back(*std::move(message));
    if (*bytes >= load.bytes) break;
  }
  return entries->status().ok() ? absl::OkStatus() : Failure(entries->status(), "read");
}

void QueueDatabase::Flush(Outcomes* outcomes) {
  absl::Status status = WriteBatches();
  failed_ = !status.ok();
  if (status.ok()) {
    for (const auto& command : erasures_) {
      if (auto* drop = std::get_if<transfer_queue::DropQueue>(&command)) {
        spilled_.erase(drop->queue);
      }
    }
    erasures_.clear();
  }
  for (uint64_t ticket : std::exchange(tickets_, {})) {
    outcomes->emplace_back(transfer_queue::Stored{ticket, status});
  }
  logged_.Clear();
  unlogged_.Clear();
  has_durable_writes_ = false;
  batch_bytes_ = 0;
}

absl::Status QueueDatabase::WriteBatches() {
  if (logged_.Count() == 0 && unlogged_.Count() == 0) return absl::OkStatus();
  if (batch_bytes_ > 0) RETURN_IF_ERROR(CheckSpace());
  if (failed_) db_->Resume().PermitUncheckedError();  // there may be space again
  if (unlogged_.Count() > 0) {
    rocksdb::Status status = db_->Write(Unlogged(), &unlogged_);
    if (!status.ok()) return Failure(status, "write");
  }
  if (logged_.Count() > 0) {
    bool sync = has_durable_writes_ || !tickets_.empty();
    rocksdb::Status status = db_->Write(Logged(sync), &logged_);
    if (!status.ok()) return Failure(status, "write");
  }
  return absl::OkStatus();
}

// What is in memory has to go to the disk later, and what is logged goes there twice. RocksDB
// stops altogether on a full disk, so that nothing could be erased any more either: refuse before.
absl::Status QueueDatabase::CheckSpace() const {
  struct statvfs disk {};
  if (statvfs(folder_.c_str(), &disk) != 0) return absl::OkStatus();
  uint64_t unwritten = 0;
  db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &unwritten);
  uint64_t free = uint64_t{disk.f_bavail} * disk.f_frsize;
  uint64_t reserve =
      std::min(kReserveBytes, uint64_t{disk.f_blocks} * disk.f_frsize / kReservePart);
  uint64_t needed = unwritten + 2 * batch_bytes_ + reserve;
  if (free >= needed) return absl::OkStatus();
  return ResourceExhaustedError(
      "the disk of {} is full: {} bytes are free, {} are needed; free some space, or pop or "
      "release "
      "what is waiting",
      folder_, free, needed);
}

absl::Status QueueDatabase::Failure(const rocksdb::Status& status, const char* what) const {
  if (status.IsNoSpace()) {
    return ResourceExhaustedError("the disk of {} is full ({}); free some space", folder_,
                                  status.ToString());
  }
  return UnavailableError("cannot {} the queues in {}: {}; check the disk", what, folder_,
                          status.ToString());
}

absl::Status QueueDatabase::Compact() {
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  options.blob_garbage_collection_age_cutoff = 1.0;
  for (auto* family : {index_, durable_, spill_}) {
    rocksdb::Status status = db_->CompactRange(options, family, nullptr, nullptr);
    if (!status.ok()) return Failure(status, "compact");
  }
  return absl::OkStatus();
}

}  // namespace fate::queue_store
