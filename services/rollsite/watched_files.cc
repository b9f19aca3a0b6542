#include "rollsite/watched_files.h"

#include <sys/stat.h>

#include <utility>

namespace fate::rollsite {

std::vector<WatchedFiles::Stamp> WatchedFiles::Look() const {
  std::vector<Stamp> stamps;
  for (const std::string& path : paths_) {
    struct stat info {};
    Stamp& stamp = stamps.emplace_back();
    if (stat(path.c_str(), &info) != 0) continue;
    stamp = {info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_size, info.st_ino};
  }
  return stamps;
}

bool WatchedFiles::Changed() {
  std::vector<Stamp> before = std::exchange(seen_, Look());
  if (seen_ == used_ || seen_ != before) return false;
  used_ = seen_;
  return true;
}

}  // namespace fate::rollsite
