#pragma once

namespace fate::daemon {

// Takes code and constants of the program and its libraries out of the resident set: starting has
// touched most of them once (a fault brings in 64 kB), serving needs a fraction, which comes back
// from the page cache by itself, some hundred minor faults. Nothing is lost, since what is given
// back is mapped from files and was never written to. Linux only.
void GiveBackStartupPages();

}  // namespace fate::daemon
