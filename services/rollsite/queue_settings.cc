#include "rollsite/queue_settings.h"

#include <filesystem>

#include "base/status.h"

namespace fate::rollsite {
namespace {

constexpr int64_t kMaxBytes = int64_t{1} << 50;
constexpr int64_t kMaxMilliseconds = int64_t{1000} * 3600 * 24 * 3650;

// Beside the tables; OSX names a folder of its own.
std::string DefaultFolder(const Properties& properties) {
  std::string osx = properties.Get("mapped.file.dir");
  if (!osx.empty()) return (std::filesystem::path(osx) / "queues").string();
  std::filesystem::path tables = properties.Get("eggroll.data.dir", "data/eggroll");
  return (tables.parent_path() / "queues").string();
}

class Reader {
 public:
  explicit Reader(const Properties& properties) : properties_(properties) {}

  absl::Status Bytes(const std::string& key, int64_t low, size_t* bytes) const {
    auto fallback = static_cast<int64_t>(std::min<size_t>(*bytes, kMaxBytes));
    ASSIGN_OR_RETURN(int64_t value,
                     properties_.GetInt("eggroll.rollsite." + key, fallback, low, kMaxBytes));
    *bytes = static_cast<size_t>(value);
    return absl::OkStatus();
  }

  // `osx`: the name upstream gives it, of less weight.
  absl::Status Time(const std::string& key, const std::string& osx, absl::Duration* time) const {
    int64_t fallback = absl::ToInt64Milliseconds(*time);
    if (!osx.empty())
      fallback = properties_.GetInt(osx, fallback, 1, kMaxMilliseconds).value_or(fallback);
    ASSIGN_OR_RETURN(int64_t value, properties_.GetInt("eggroll.rollsite.queue." + key, fallback, 1,
                                                       kMaxMilliseconds));
    *time = absl::Milliseconds(value);
    return absl::OkStatus();
  }

 private:
  const Properties& properties_;
};

}  // namespace

absl::StatusOr<QueueSettings> QueueSettings::Read(const Properties& properties) {
  QueueSettings settings;
  transfer_queue::Limits& limits = settings.limits;
  settings.folder = properties.Get("eggroll.rollsite.queue.dir", DefaultFolder(properties));
  Reader reader(properties);
  RETURN_IF_ERROR(reader.Bytes("queue.memory.bytes", 1 << 20, &limits.memory_bytes));
  limits.queue_memory_bytes = limits.memory_bytes / 4;
  RETURN_IF_ERROR(reader.Bytes("queue.disk.bytes", 0, &limits.disk_bytes));
  RETURN_IF_ERROR(reader.Bytes("quota.queue.bytes", 1 << 20, &limits.party_bytes));
  ASSIGN_OR_RETURN(limits.durable, properties.GetBool("eggroll.rollsite.queue.durable", false));
  if (limits.durable && limits.disk_bytes == 0) {
    return properties.Error(
        "eggroll.rollsite.queue.durable",
        "durable queues need disk space: raise eggroll.rollsite.queue.disk.bytes");
  }
  RETURN_IF_ERROR(reader.Time("idle.ms", "queue.max.free.time", &limits.idle));
  RETURN_IF_ERROR(reader.Time("lifetime.ms", "mapped.file.expire.time", &limits.lifetime));
  RETURN_IF_ERROR(reader.Time("wait.ms", "consume.msg.waiting.timeout", &limits.default_wait));
  RETURN_IF_ERROR(reader.Time("lease.ms", "", &limits.lease));
  return settings;
}

}  // namespace fate::rollsite
