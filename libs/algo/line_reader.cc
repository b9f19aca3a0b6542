#include "algo/line_reader.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/limits.h"
#include "base/status.h"

namespace fate::algo {
namespace {

constexpr size_t kReadBytes = size_t{1} << 18;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

absl::StatusOr<LineReader> LineReader::Open(const std::string& path) {
  LineReader reader;
  reader.path_ = path;
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    return NotFoundError("cannot read file {}: {}", path, std::strerror(errno));
  }
  if (!S_ISREG(info.st_mode)) return InvalidArgumentError("{} is not an ordinary file", path);
  reader.file_.reset(std::fopen(path.c_str(), "rb"));
  if (reader.file_ == nullptr) {
    return PermissionDeniedError("cannot open file {}: {}", path, std::strerror(errno));
  }
  return reader;
}

std::string LineReader::Position() const { return fmt::format("{}:{}", path_, line_number_); }

absl::Status LineReader::Fill() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  size_t old_size = buffer_.size();
  buffer_.resize(old_size + kReadBytes);
  size_t read = std::fread(buffer_.data() + old_size, 1, kReadBytes, file_.get());
  buffer_.resize(old_size + read);
  at_end_ = read == 0;
  if (std::ferror(file_.get())) return DataLossError("reading {} failed", Position());
  return absl::OkStatus();
}

absl::StatusOr<bool> LineReader::Next(std::string& line) {
  size_t searched = begin_;
  for (;;) {
    size_t end = buffer_.find('\n', searched);
    bool found = end != buffer_.npos;
    if (found || (at_end_ && begin_ < buffer_.size())) {
      ++line_number_;
      line.assign(buffer_, begin_, (found ? end : buffer_.size()) - begin_);
      begin_ = found ? end + 1 : buffer_.size();
      RETURN_IF_ERROR(CheckLine(line));
      return true;
    }
    if (at_end_) return false;
    if (buffer_.size() - begin_ > kMaxCsvLineBytes) break;
    size_t pending = buffer_.size() - begin_;
    RETURN_IF_ERROR(Fill());
    searched = pending;
  }
  ++line_number_;
  return ResourceExhaustedError("{}: the line is longer than {} bytes; is the line end missing?",
                                Position(), kMaxCsvLineBytes);
}

absl::Status LineReader::CheckLine(std::string& line) const {
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line_number_ == 1 && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
  if (line.size() > kMaxCsvLineBytes) {
    return ResourceExhaustedError("{}: the line has {} bytes, more than the limit of {}",
                                  Position(), line.size(), kMaxCsvLineBytes);
  }
  if (size_t at = line.find('\0'); at != line.npos) {
    return InvalidArgumentError("{}: byte {} is NUL; this is no text file", Position(), at + 1);
  }
  if (!IsUtf8(line)) {
    return InvalidArgumentError("{}: the line is not UTF-8; convert the file first", Position());
  }
  return absl::OkStatus();
}

bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto lead = uint8_t(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || i + length > text.size()) return false;
    uint32_t code = lead & (0xFF >> (length + 1));
    for (size_t j = 1; j < length; ++j) {
      auto next = uint8_t(text[i + j]);
      if ((next & 0xC0) != 0x80) return false;
      code = code << 6 | (next & 0x3F);
    }
    constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kSmallest[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      return false;
    }
    i += length;
  }
  return true;
}

}  // namespace fate::algo
