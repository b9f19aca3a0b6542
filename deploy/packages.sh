#!/usr/bin/env bash
# Installs the packages of third_party/packages.txt that are missing. Safe to repeat.
#   --bench   also the benchmarks' peers
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
case ${1:-} in
  "") chosen='/^# benchmark peers/,$d' ;;
  --bench) chosen='' ;;
  *) echo "usage: deploy/packages.sh [--bench]" >&2; exit 2 ;;
esac
mapfile -t wanted < <(sed "$chosen" "$root/third_party/packages.txt" | grep -v '^\s*#' | grep -v '^\s*$')
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed$' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: all ${#wanted[@]} are installed"
  exit 0
fi
echo "packages: installing ${#missing[@]}: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "packages: run as root, or install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "packages: apt-get failed (whole output: $log); check the package mirror and repeat" >&2
  exit 1
fi
rm -f "$log"
echo "packages: done"
