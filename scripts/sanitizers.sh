# shellcheck shell=bash
# For scripts/test-native and scripts/test-sanitized, which share their objects and so their compiler.

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
