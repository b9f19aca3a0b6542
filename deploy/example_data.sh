#!/usr/bin/env bash
# Makes the breast table of the examples, split by columns between a guest (with the label) and
# a host, out of the file that Debian's package python3-sklearn carries.
# Usage: deploy/example_data.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${1:?usage: deploy/example_data.sh FOLDER}
if [ -s "$target/breast_hetero_guest.csv" ] && [ -s "$target/breast_hetero_host.csv" ]; then
  echo "example data: $target"
  exit 0
fi
mkdir -p "$target"
source_file=$(find /usr/lib/python3/dist-packages/sklearn/datasets/data -name breast_cancer.csv 2>/dev/null | head -n 1 || true)
if [ -z "$source_file" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work"
  echo "example data: fetching Debian's package python3-sklearn"
  (cd "$work" && apt-get download python3-sklearn >/dev/null 2>"$work/log") ||
    { cat "$work/log" >&2; echo "example data: apt-get download python3-sklearn failed; run apt-get update and repeat" >&2; exit 1; }
  dpkg-deb --fsys-tarfile "$work"/python3-sklearn_*.deb |
    tar -x -C "$work" --wildcards '*/sklearn/datasets/data/breast_cancer.csv'
  source_file=$(find "$work" -name breast_cancer.csv | head -n 1)
fi
python3 "$here/example_data.py" "$source_file" "$target"
