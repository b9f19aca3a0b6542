#pragma once

// Tells when files have been replaced. Two looks in a row have to agree, so that a certificate and
// its key that are copied one after the other are read together. Looks at time, size and inode
// rather than at inotify events, which bind mounts and config maps do not deliver.

#include <cstdint>
#include <string>
#include <vector>

namespace fate::rollsite {

class WatchedFiles {
 public:
  explicit WatchedFiles(std::vector<std::string> paths)
      : paths_(std::move(paths)), used_(Look()), seen_(used_) {}

  // Looks. True once for each change, when it has been quiet since the look before.
  bool Changed();

 private:
  struct Stamp {
    int64_t modified_ns = -1, size_bytes = -1;
    uint64_t inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  std::vector<Stamp> Look() const;

  std::vector<std::string> paths_;
  std::vector<Stamp> used_, seen_;
};

}  // namespace fate::rollsite
