#!/usr/bin/env bash
# Configures and builds a preset. Usage: deploy/build.sh PRESET [TARGET...]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
preset=${1:-release}
shift || true
cd "$root"
echo "build: configuring preset $preset"
cmake --preset "$preset" >"build-configure.log" 2>&1 || { tail -n 20 build-configure.log >&2; rm -f build-configure.log; exit 1; }
rm -f build-configure.log
echo "build: compiling (first time 10 to 20 minutes on two cores)"
start=$SECONDS
export NINJA_STATUS="build: [%f/%t] "
if [ -t 1 ]; then
  cmake --build --preset "$preset" "${@/#/--target=}"
else
  # Without a terminal: every fiftieth step, and everything that is no step.
  cmake --build --preset "$preset" "${@/#/--target=}" |
    awk '!/^build: \[/ {print; fflush(); next} {split($2, n, /[\[\/\]]/); if (n[2] % 50 == 0 || n[2] == n[3]) {print; fflush()}}'
fi
echo "build: done in $((SECONDS - start)) s"
