#include "fateflow/multipart.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <functional>

#include "base/status.h"
#include "base/text.h"

namespace fate::flow {
namespace {

constexpr size_t kMaxFormTextBytes = size_t{1} << 20;  // one text field
constexpr size_t kMaxPartHeaderBytes = 8192;

// The body of a request as one view: its string, or the spooled file mapped.
class Body {
 public:
  static absl::StatusOr<Body> Of(const http::Request& request) {
    if (request.body_file.empty()) return Body(request.body, nullptr);
    int file = open(request.body_file.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return InternalError("cannot open the spooled request {}", request.body_file);
    struct stat info {};
    fstat(file, &info);
    size_t size = static_cast<size_t>(info.st_size);
    void* map = size == 0 ? nullptr : mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (map == MAP_FAILED) return InternalError("cannot map the spooled request");
    return Body({static_cast<const char*>(map), size}, map);
  }
  Body(Body&& other) noexcept : view_(other.view_), map_(std::exchange(other.map_, nullptr)) {}
  ~Body() {
    if (map_ != nullptr) munmap(map_, view_.size());
  }
  std::string_view view() const { return view_; }

 private:
  Body(std::string_view view, void* map) : view_(view), map_(map) {}
  std::string_view view_;
  void* map_;
};

struct Part {
  std::string name;
  bool is_file = false;
  std::string_view content;
};

size_t FindText(std::string_view haystack, std::string_view needle) {
  const void* at = memmem(haystack.data(), haystack.size(), needle.data(), needle.size());
  return at == nullptr ? std::string_view::npos
                       : static_cast<size_t>(static_cast<const char*>(at) - haystack.data());
}

// The value of `name` in `form-data; name="file"; filename="a.csv"`.
std::optional<std::string> Parameter(std::string_view header, std::string_view name) {
  for (std::string_view piece : Split(header, ';')) {
    piece = Trim(piece);
    size_t equals = piece.find('=');
    if (equals == std::string_view::npos || ToLower(piece.substr(0, equals)) != name) continue;
    std::string_view value = piece.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    return std::string(value);
  }
  return std::nullopt;
}

absl::StatusOr<Part> ReadPart(std::string_view text) {
  size_t end = FindText(text.substr(0, kMaxPartHeaderBytes), "\r\n\r\n");
  if (end == std::string_view::npos) {
    return InvalidArgumentError("multipart body: a part has no header");
  }
  Part part;
  part.content = text.substr(end + 4);
  std::string_view headers = text.substr(0, end);
  for (std::string_view line : Split(headers, '\n')) {
    if (!ToLower(line).starts_with("content-disposition:")) continue;
    part.name = Parameter(Trim(line), "name").value_or("");
    part.is_file = Parameter(Trim(line), "filename").has_value() ||
                   Parameter(Trim(line), "filename*").has_value();
  }
  return part;
}

using Visit = std::function<absl::Status(const Part&)>;

absl::Status ForEachPart(std::string_view body, const std::string& boundary, const Visit& visit) {
  const std::string delimiter = "--" + boundary;
  if (!body.starts_with(delimiter)) {
    return InvalidArgumentError("multipart body does not begin with its boundary");
  }
  body.remove_prefix(delimiter.size());
  const std::string next_delimiter = "\r\n" + delimiter;
  while (!body.starts_with("--")) {
    if (!body.starts_with("\r\n")) return InvalidArgumentError("multipart body: broken boundary");
    body.remove_prefix(2);
    size_t end = FindText(body, next_delimiter);
    if (end == std::string_view::npos) {
      return InvalidArgumentError("multipart body ends without its closing boundary");
    }
    ASSIGN_OR_RETURN(Part part, ReadPart(body.substr(0, end)));
    RETURN_IF_ERROR(visit(part));
    body.remove_prefix(end + next_delimiter.size());
  }
  return absl::OkStatus();
}

absl::Status VisitForm(const http::Request& request, const Visit& visit) {
  std::string type = request.Header("content-type");
  if (!ToLower(type).starts_with("multipart/form-data")) return absl::OkStatus();
  auto boundary = Parameter(type, "boundary");
  if (!boundary || boundary->empty()) {
    return InvalidArgumentError("multipart request without a boundary");
  }
  ASSIGN_OR_RETURN(Body body, Body::Of(request));
  return ForEachPart(body.view(), *boundary, visit);
}

absl::Status WriteFile(const std::string& path, std::string_view content) {
  FILE* file = std::fopen(path.c_str(), "wbe");
  if (file == nullptr) return InternalError("cannot write {}: {}", path, std::strerror(errno));
  size_t written = std::fwrite(content.data(), 1, content.size(), file);
  bool closed = std::fclose(file) == 0;
  if (written == content.size() && closed) return absl::OkStatus();
  std::remove(path.c_str());
  return ResourceExhaustedError("cannot store {} bytes in {}: {}", content.size(), path,
                                std::strerror(errno));
}

}  // namespace

absl::StatusOr<Json> FormFields(const http::Request& request) {
  Json fields = Json::object();
  RETURN_IF_ERROR(VisitForm(request, [&](const Part& part) -> absl::Status {
    if (part.is_file) return absl::OkStatus();
    if (part.content.size() > kMaxFormTextBytes) {
      return InvalidArgumentError("form field {} is larger than {} bytes", Escape(part.name),
                                  kMaxFormTextBytes);
    }
    fields[part.name] = std::string(part.content);
    return absl::OkStatus();
  }));
  return fields;
}

absl::Status SaveFormFile(const http::Request& request, const std::string& field,
                          const std::string& path) {
  bool saved = false;
  RETURN_IF_ERROR(VisitForm(request, [&](const Part& part) -> absl::Status {
    if (saved || !part.is_file || part.name != field) return absl::OkStatus();
    saved = true;
    return WriteFile(path, part.content);
  }));
  return saved ? absl::OkStatus() : FlowError(kNoFile);
}

}  // namespace fate::flow
