#pragma once

// The threads of this module: those of FATE_UTILS_THREADS, 1 when it is not set. FATE's standalone
// engine forks its workers; a child, which inherits no thread, gets a pool of its own.

#include "crypto/parallel.h"

namespace fate::python {

// Holding the interpreter's lock. The reference stays good for the rest of the process.
const crypto::Parallel& Threads();
// 1..256. Throws ValueError. A call under way keeps the threads that it started with.
void SetThreads(int threads);

}  // namespace fate::python
