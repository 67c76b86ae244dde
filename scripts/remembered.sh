# shellcheck shell=bash
# For scripts/test-windows, test-pcscd, test-usb and test-package: test results that are reported again until something that
# they depend on changes. The script that sources this sets `work`, a directory of its own, and has `say`.
#   PCSC_BRIDGE_TEST_FRESH=1       run, whatever is remembered

# First line "PASSED FAILED SKIPPED", then a line for each failed or skipped test, as count-reporter.mjs writes it.
counts=$work/counts.txt
# The fingerprint of what the result depends on; then the counts.
remembered=$work/result.txt

# Prints the failed and skipped tests and, on the last line, the counts. Ends the script.
finish() {
  local passed failed skipped
  read -r passed failed skipped <"$counts"
  sed 1d "$counts"
  echo "$passed passed, $failed failed$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")"
  [ "$failed" -eq 0 ]
  exit
}

# skip_all REASON NAME...: everything is skipped by name. Ends the script.
skip_all() {
  local name
  {
    echo "0 0 $(($# - 1))"
    for name in "${@:2}"; do echo "skipped: $name: $1"; done
  } >"$counts"
  finish
}

# fingerprint PATH...: of the files below these paths, and of standard input.
fingerprint() {
  {
    find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
    cat
  } | sha256sum
}

# recall FINGERPRINT: ends the script if there is a good result for it.
recall() {
  if [ -z "${PCSC_BRIDGE_TEST_FRESH:-}" ] && [ "$(head -n 1 "$remembered" 2>/dev/null)" = "$1" ]; then
    say "nothing has changed since $(date -r "$remembered" '+%F %T'): this is the result of that run"
    sed 1d "$remembered" >"$counts"
    finish
  fi
}

# remember FINGERPRINT
remember() {
  { echo "$1" && cat "$counts"; } >"$remembered"
}

# vitest_counts COUNTS ARGUMENT...: runs vitest, which counts into that file.
vitest_counts() {
  local status=0
  PCSC_BRIDGE_TEST_COUNTS=$1 npx --no-install vitest run --reporter=default \
    --reporter=./scripts/count-reporter.mjs "${@:2}" || status=$?
  [ -e "$1" ] || echo "0 1 0" >"$1"
  return "$status"
}
