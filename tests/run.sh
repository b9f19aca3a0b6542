#!/usr/bin/env bash
# Packages, build, and every test of the default suite.
#
#   bash tests/run.sh          default suite
#   bash tests/run.sh --long   also sanitizer builds, soaks and long crash tests
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
long=false
case "${1:-}" in
  "") ;;
  --long) long=true ;;
  *) sed -n '2,5p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2 ;;
esac
echo "== 1/4 packages"
bash "$root/deploy/packages.sh"
echo "== 2/4 build"
bash "$root/deploy/build.sh" release
echo "== 3/4 form: formatting, layout, history rules"
bash "$root/tests/tidy.sh"
bash "$root/tests/lint.sh"
echo "== 4/4 tests"
cd "$root"
ctest --test-dir build/release --output-on-failure -j 2 -LE long
if $long; then
  echo "== long: clang-tidy of everything"
  bash "$root/tests/lint.sh" --all
  echo "== long: tests of the release build"
  ctest --test-dir build/release --output-on-failure -j 1 -L long
  for preset in asan tsan; do
    echo "== long: $preset"
    bash "$root/deploy/build.sh" "$preset"
    ctest --test-dir "build/$preset" --output-on-failure -j 2 -LE 'long|e2e'
  done
fi
echo "All tests passed. Next: bash deploy/quickstart.sh starts two parties; bench/run.sh --list names the benchmarks."
