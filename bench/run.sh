#!/usr/bin/env bash
# Benchmarks with real processes.
#   bench/run.sh --list            the names
#   bench/run.sh NAME [--quick]    builds, measures, prints a table, writes bench/out/NAME.json
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
if [ "${1:-}" = "--list" ]; then
  for file in "$root"/bench/*.py; do
    name=$(basename "$file" .py)
    [ "$name" = report ] || echo "$name: $(sed -n '1s/^"""\(.*\)$/\1/p' "$file")"
  done
  exit 0
fi
name=${1:-}
if [ -z "$name" ] || [ ! -f "$root/bench/$name.py" ]; then
  sed -n '2,4p' "$0" | sed 's/^# //' >&2
  exit 2
fi
bash "$root/deploy/build.sh" release
mkdir -p "$root/bench/out"
exec python3 "$root/bench/$name.py" "${@:2}"
