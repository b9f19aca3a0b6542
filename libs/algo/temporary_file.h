#pragma once

// A file with given content for one test.

#include <stdlib.h>
#include <unistd.h>

#include <string>

namespace fate::algo {

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    int file = mkstemp(path_.data());
    size_t written = 0;
    while (file >= 0 && written < content.size()) {
      ssize_t n = write(file, content.data() + written, content.size() - written);
      if (n <= 0) break;
      written += size_t(n);
    }
    if (file >= 0) close(file);
  }
  ~TemporaryFile() { unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/fate_test_XXXXXX";
};

}  // namespace fate::algo
