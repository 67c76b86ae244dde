# shellcheck shell=bash
# apt_install PACKAGE...: reads apt's lists and installs, as root or by sudo. One script at a time: apt refuses a second one.
# Run from the project's root.
# Without a terminal of apt's own (Use-Pty), which would be a session: the scheduler gives each session the same, so with idle
# priority, too, it would take as much as all the tests beside it.
apt_install() {
  local -a as_root=()
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
  mkdir -p .cache
  {
    flock 9 &&
      "${as_root[@]}" apt-get -q update 9>&- &&
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 \
        install "$@" 9>&-
  } 9>.cache/apt.lock
}
