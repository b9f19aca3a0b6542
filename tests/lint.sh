#!/usr/bin/env bash
# clang-tidy. Without arguments the libraries whose headers are light; with --all every source
# (minutes). Needs the compile commands of a configured release build.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
if [ "${1:-}" = "--all" ]; then
  mapfile -t files < <(git ls-files 'libs/*.cc' 'services/*.cc')
else
  mapfile -t files < <(git ls-files libs/{base,routing,transfer_queue}/'*.cc' | grep -vE '_(test|bench|fuzz)\.cc$')
fi
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy -p build/release --quiet --extra-arg=-Wno-unknown-warning-option 2>/dev/null || {
  echo "lint: clang-tidy found the above; mend it or say in .clang-tidy why not" >&2
  exit 1
}
echo "lint: ${#files[@]} files, fine"
