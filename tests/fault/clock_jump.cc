// Preloaded into a rollsite: its wall clock is off by as many seconds as the file FATE_TEST_CLOCK
// says; its steady clock is not.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace {

int64_t Offset() {
  const char* path = getenv("FATE_TEST_CLOCK");
  int64_t seconds = 0;
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return 0;
  if (read(file, &seconds, sizeof seconds) != sizeof seconds) seconds = 0;
  close(file);
  return seconds;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, struct timespec* now) noexcept {
  using Function = int (*)(clockid_t, struct timespec*);
  static auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "clock_gettime"));
  int result = real(clock, now);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += Offset();
  return result;
}

extern "C" time_t time(time_t* result) noexcept {
  struct timespec now {};
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}

extern "C" int gettimeofday(struct timeval* result, void*) noexcept {
  struct timespec now {};
  clock_gettime(CLOCK_REALTIME, &now);
  result->tv_sec = now.tv_sec;
  result->tv_usec = now.tv_nsec / 1000;
  return 0;
}
