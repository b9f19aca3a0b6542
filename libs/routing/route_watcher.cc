#include "routing/route_watcher.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/limits.h"
#include "base/log.h"
#include "base/status.h"

namespace fate::routing {

absl::StatusOr<RouteTable> LoadRouteTable(const std::string& path, const std::string& own_party) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return NotFoundError(
        "cannot read the route table {}: {}; create it or correct "
        "eggroll.rollsite.route.table.path",
        path, std::strerror(errno));
  }
  std::string text(kMaxRouteTableBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return RouteTable::Parse(text, path, own_party);
}

RouteWatcher::RouteWatcher(std::string path, std::string own_party, Prepare prepare)
    : path_(std::move(path)),
      own_party_(std::move(own_party)),
      prepare_(std::move(prepare)),
      table_(std::make_shared<RouteTable>(RouteTable::Empty(path_, own_party_))) {
  stamp_ = Look();
  Reload();
  thread_ = std::thread([this] { Run(); });
}

RouteWatcher::~RouteWatcher() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::shared_ptr<const RouteTable> RouteWatcher::Current() const {
  std::lock_guard lock(mutex_);
  return table_;
}

bool RouteWatcher::loaded() const {
  std::lock_guard lock(mutex_);
  return loaded_;
}

absl::Status RouteWatcher::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

RouteWatcher::Stamp RouteWatcher::Look() const {
  struct stat info {};
  if (stat(path_.c_str(), &info) != 0) return {};
  return {info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_size, info.st_ino};
}

void RouteWatcher::Reload() {
  auto table = LoadRouteTable(path_, own_party_);
  if (table.ok()) prepare_(*table);
  std::lock_guard lock(mutex_);
  status_ = table.status();
  if (!table.ok()) {
    log::Error("{}; {} parties of the earlier table stay in force", Message(status_),
               table_->party_count());
    return;
  }
  for (const auto& warning : table->warnings()) log::Warning("{}", warning);
  log::Info("route table {} read: {} parties, own: {}", path_, table->party_count(),
            fmt::join(table->self_parties(), ", "));
  table_ = std::make_shared<RouteTable>(*std::move(table));
  version_.fetch_add(1, std::memory_order_release);
  loaded_ = true;
}

void RouteWatcher::Run() {
  std::unique_lock lock(mutex_);
  while (
      !wake_.wait_for(lock, absl::ToChronoMilliseconds(kCheckInterval), [this] { return stop_; })) {
    lock.unlock();
    // The stamp is taken before the file is read: a change in between is seen the next time.
    if (Stamp seen = Look(); !(seen == stamp_)) {
      stamp_ = seen;
      Reload();
    }
    lock.lock();
  }
}

}  // namespace fate::routing
