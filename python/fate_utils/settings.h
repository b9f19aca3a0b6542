#pragma once

// Settings of this module, from the environment at first: FATE_UTILS_THREADS, 1 when it is not set,
// and FATE_UTILS_ISA, the best that the CPU has. FATE's standalone engine forks its workers; a
// child, which inherits no thread, gets a pool of its own. For holders of the interpreter's lock.

#include "crypto/cpu.h"
#include "crypto/parallel.h"

namespace fate::python {

// The reference stays good for the rest of the process.
const crypto::Parallel& Threads();
// 1..256. Throws ValueError. A call under way keeps the threads that it started with.
void SetThreads(int threads);

// For keys and secrets made from now on. Throws ValueError for a name this CPU does not know.
crypto::Isa InstructionSet();

}  // namespace fate::python
