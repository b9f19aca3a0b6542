#!/usr/bin/env bash
# What a compiler does not check: formatting, file sizes, paths and names that do not belong here.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
failed=0
complain() { echo "tidy: $*" >&2; failed=1; }
mapfile -t sources < <(git ls-files '*.cc' '*.h')
if ! clang-format --dry-run --Werror "${sources[@]}" 2>/tmp/tidy.$$; then
  head -n 20 /tmp/tidy.$$ >&2
  complain "run: clang-format -i \$(git ls-files '*.cc' '*.h')"
fi
rm -f /tmp/tidy.$$
for file in "${sources[@]}"; do
  lines=$(wc -l <"$file")
  [ "$lines" -le 700 ] || complain "$file has $lines lines; split it"
done
if git grep -nIE '(^|[^A-Za-z0-9_.])/((work|farm)/|root/[.])' -- . ':!tests/tidy.sh' ; then
  complain "paths of one machine"
fi
if git grep -nE '\b(TODO|FIXME|XXX)\b' -- '*.cc' '*.h' '*.sh' '*.py' ':!tests/tidy.sh'; then
  complain "unfinished work"
fi
for folder in libs/*/; do
  [ -f "$folder/README.md" ] || complain "$folder has no README.md"
done
for script in $(git ls-files '*.sh' '*.sh.in' '.ci/run'); do
  bash -n "$script" || complain "$script is no valid shell"
done
# The tests that ACCEPTANCE.md names, as Suite.Name or Suite.Beginning..., exist.
tests=$(git grep -hE -A1 '^TEST(_[FP])?\(' -- '*_test.cc' | tr -d ' \n')
for name in $(grep -ohE '\b[A-Z][A-Za-z0-9]*\.[A-Z][A-Za-z0-9]+' services/*/ACCEPTANCE.md | sort -u); do
  [[ $tests == *"(${name/./,}"* ]] || complain "ACCEPTANCE.md names $name, which no test is called"
done
[ $failed -eq 0 ] && echo "tidy: ${#sources[@]} files, fine"
exit $failed
