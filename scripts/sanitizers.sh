# shellcheck shell=bash
# For scripts/test-native, scripts/test-sanitized and scripts/fuzz. The first two share their objects and so their compiler.

# links COMPILER SANITIZER: whether the compiler has the libraries of address or thread.
links() {
  local program
  program=$(mktemp)
  local status=0
  echo 'int main() {}' | "$1" -fsanitize="$2" -x c++ -o "$program" - 2>/dev/null || status=$?
  rm -f "$program"
  return "$status"
}

# CXX, if it is set. Clang takes half as long as GCC, and scripts/fuzz needs the objects of it.
choose_compiler() {
  if [ -n "${CXX:-}" ]; then
    echo "$CXX"
  elif command -v clang++ >/dev/null && links clang++ address; then
    command -v clang++
  else
    echo c++
  fi
}

# options_of_sanitizers: for programs that search for leaks at their end. What the caller's environment says comes last.
# Up to LLVM 16 and GCC 13, that search can take any two words for the bounds of a block of thread-local variables, and crash
# ("Tracer caught signal 11"), unless these blocks are left out.
options_of_sanitizers() {
  export ASAN_OPTIONS="detect_stack_use_after_return=1:intercept_tls_get_addr=0:${ASAN_OPTIONS:-}"
  export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
}
