// Configuration in both dialects: any text gives a configuration or an error, never more.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "base/status.h"
#include "rollsite/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  int file = memfd_create("config", MFD_CLOEXEC);
  if (file < 0 || write(file, data, size) != static_cast<ssize_t>(size)) std::abort();
  auto config = fate::rollsite::Config::Load(fmt::format("/proc/self/fd/{}", file));
  close(file);
  if (!config.ok() && fate::Message(config.status()).empty()) std::abort();
  if (config.ok() && (config->listen.port < 0 || config->listen.port > 65535)) std::abort();
  return 0;
}
