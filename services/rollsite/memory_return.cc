#include "rollsite/memory_return.h"

#include <malloc.h>
#include <time.h>

#include "base/log.h"

namespace fate::rollsite {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(2);
constexpr absl::Duration kIdle = absl::Milliseconds(40);  // CPU time between two looks
constexpr size_t kKept = 16 << 20;                        // for the next messages

absl::Duration ThreadTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

}  // namespace

void MemoryReturn::Start() {
  busy_ = ThreadTime();
  timer_ = loop_->After(kInterval, [this] { Look(); });
}

void MemoryReturn::Look() {
  const bool idle = ThreadTime() - busy_ < kIdle;
  if (const size_t unused = idle ? mallinfo2().fordblks : 0; unused > kKept) {
    malloc_trim(kKept);
    log::Debug("{} MB of unused memory went back to the system", unused >> 20);
  }
  Start();
}

}  // namespace fate::rollsite
