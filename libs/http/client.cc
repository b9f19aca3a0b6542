#include "http/client.h"

#include <curl/curl.h>

#include <cstdio>
#include <memory>
#include <mutex>

#include "base/limits.h"
#include "base/status.h"
#include "base/text.h"

namespace fate::http {
namespace {

struct Easy {
  Easy() : handle(curl_easy_init()) {}
  ~Easy() { curl_easy_cleanup(handle); }
  CURL* handle;
};

CURL* ThreadHandle() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  thread_local Easy easy;
  curl_easy_reset(easy.handle);
  return easy.handle;
}

struct Sink {
  ClientResponse response;
  std::FILE* file = nullptr;
};

size_t OnBody(char* data, size_t, size_t size, void* context) {
  auto* sink = static_cast<Sink*>(context);
  if (sink->file) return std::fwrite(data, 1, size, sink->file);
  if (sink->response.body.size() + size > kMaxMessageBytes) return 0;
  sink->response.body.append(data, size);
  return size;
}

size_t OnHeader(char* data, size_t, size_t size, void* context) {
  auto* sink = static_cast<Sink*>(context);
  std::string_view line(data, size);
  size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    sink->response.headers[ToLower(Trim(line.substr(0, colon)))] = Trim(line.substr(colon + 1));
  }
  return size;
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeMime {
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
};

curl_mime* BuildForm(CURL* handle, const ClientRequest& request) {
  curl_mime* mime = curl_mime_init(handle);
  for (const auto& [name, value] : request.form_fields) {
    curl_mimepart* part = curl_mime_addpart(mime);
    curl_mime_name(part, name.c_str());
    curl_mime_data(part, value.data(), value.size());
  }
  for (const auto& [name, path] : request.form_files) {
    curl_mimepart* part = curl_mime_addpart(mime);
    curl_mime_name(part, name.c_str());
    curl_mime_filedata(part, path.c_str());
  }
  return mime;
}

absl::Status TransportError(CURLcode code, const std::string& url) {
  std::string text = fmt::format("{}: {}", url, curl_easy_strerror(code));
  if (code == CURLE_OPERATION_TIMEDOUT) return absl::DeadlineExceededError(text);
  if (code == CURLE_READ_ERROR || code == CURLE_WRITE_ERROR) {
    return absl::FailedPreconditionError(text);
  }
  return absl::UnavailableError(text);
}

}  // namespace

absl::StatusOr<ClientResponse> Fetch(const ClientRequest& request) {
  CURL* handle = ThreadHandle();
  Sink sink;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(nullptr, std::fclose);
  if (!request.save_to.empty()) {
    file.reset(std::fopen(request.save_to.c_str(), "wb"));
    if (!file) return UnavailableError("cannot write '{}'", request.save_to);
    sink.file = file.get();
  }
  curl_slist* raw_headers = curl_slist_append(nullptr, "Expect:");
  for (const auto& [name, value] : request.headers) {
    raw_headers = curl_slist_append(raw_headers, fmt::format("{}: {}", name, value).c_str());
  }
  std::unique_ptr<curl_slist, FreeList> headers(raw_headers);
  std::unique_ptr<curl_mime, FreeMime> form;
  if (!request.form_fields.empty() || !request.form_files.empty()) {
    form.reset(BuildForm(handle, request));
    curl_easy_setopt(handle, CURLOPT_MIMEPOST, form.get());
  } else if (request.method != "GET") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(request.timeout)));
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &sink);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &sink);
  CURLcode code = curl_easy_perform(handle);
  if (code != CURLE_OK) return TransportError(code, request.url);
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  sink.response.status = static_cast<int>(status);
  return std::move(sink.response);
}

}  // namespace fate::http
