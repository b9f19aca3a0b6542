#include "rollsite/egg_messages.h"

#include "absl/time/clock.h"
#include "base/status.h"
#include "rollsite/ptp.h"
#include "wire/federation_key.h"

namespace fate::rollsite {
namespace {

using com::webank::eggroll::core::meta::Job;
using com::webank::eggroll::core::meta::Partition;
using com::webank::eggroll::core::meta::Store;
using com::webank::eggroll::core::meta::StoreLocator;
using com::webank::eggroll::core::meta::Task;
using com::webank::eggroll::core::transfer::TransferHeader;

// Of messages of eggroll 2.x.
constexpr int kLocatorPartitioner = 7, kLocatorSerdes = 8, kJobInputs = 3, kJobOutputs = 4;
constexpr char kPartitioner[] = "BYTESTRING_HASH";

template <class Message>
void AddBytes(Message* message, int field, std::string bytes) {
  message->GetReflection()->MutableUnknownFields(message)->AddLengthDelimited(field,
                                                                              std::move(bytes));
}

}  // namespace

Store PushedStore(const RollSiteHeader& header, EggrollVersion version) {
  const char* type = version == EggrollVersion::k2 ? "LMDB" : "IN_MEMORY";
  Store store;
  StoreLocator* locator = store.mutable_storelocator();
  locator->set_store_type(type);
  locator->set_namespace_(header.rollsitesessionid());
  locator->set_name(wire::RollSiteKey(header));
  locator->set_total_partitions(header.totalpartitions());
  auto& options = *store.mutable_options();
  options = header.options();
  options["total_partitions"] = std::to_string(header.totalpartitions());
  options["store_type"] = type;
  if (header.datatype() == "object") {
    options["serdes"] = "EMPTY";
  } else if (!options.contains("serdes")) {
    options["serdes"] = "PICKLE";
  }
  if (version == EggrollVersion::k2) {
    AddBytes(locator, kLocatorPartitioner, kPartitioner);
    AddBytes(locator, kLocatorSerdes, options["serdes"]);
  } else {
    locator->set_id(-1);
  }
  return store;
}

const char* RunTaskUri(EggrollVersion version) {
  return version == EggrollVersion::k2 ? "v1/egg-pair/runTask" : "v1/eggs-pair/runTask";
}

Task PutBatchTask(const RollSiteHeader& header, const Store& store, const Partition& partition,
                  EggrollVersion version) {
  const std::string tag = wire::BrokerTag(wire::RollSiteKey(header), header.partitionid());
  const std::string session = wire::ReceivingSession(header);
  Task task;
  task.set_id(tag);
  task.set_name("putBatch");
  *task.add_inputs() = partition;
  *task.add_outputs() = partition;
  Job* job = task.mutable_job();
  const std::string time(absl::FormatTime("%Y%m%d.%H%M%E3S", absl::Now(), absl::LocalTimeZone()));
  job->set_id(fmt::format("{}-scala-job-{}_{}", session, time, tag));
  job->set_name("putBatch");
  if (version == EggrollVersion::k2) {
    AddBytes(job, kJobInputs, store.SerializeAsString());
    AddBytes(job, kJobOutputs, store.SerializeAsString());
  } else {
    *job->add_inputs()->mutable_store() = store;
    *job->add_outputs()->mutable_store() = store;
  }
  *job->mutable_options() = header.options();
  (*job->mutable_options())["eggroll.session.id"] = session;
  return task;
}

std::string BatchPrefix(int32_t id, const std::string& tag, std::string_view ext,
                        size_t value_bytes) {
  TransferHeader header;
  header.set_id(id);
  header.set_tag(tag);
  header.set_ext(std::string(ext));
  std::string prefix = "\x0a";
  AppendVarint(&prefix, header.ByteSizeLong());
  header.AppendToString(&prefix);
  if (value_bytes > 0) {
    prefix += '\x1a';
    AppendVarint(&prefix, value_bytes);
  }
  return prefix;
}

}  // namespace fate::rollsite
