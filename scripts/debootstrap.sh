# shellcheck shell=bash
# For scripts/wine-setup and scripts/pcscd-from: systems of other Debian releases in directories, by debootstrap.
# PCSC_BRIDGE_DEBIAN_MIRROR names another mirror; what comes from it has to be signed by Debian all the same.
# Run from the project's root.
# shellcheck source=scripts/apt.sh
. scripts/apt.sh

mirror=${PCSC_BRIDGE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The last line on standard error says why; the status tells the caller to skip what needs the system.
cannot() {
  echo "$*" >&2
  exit 3
}

# need_debootstrap LOG: installs it if it is missing.
need_debootstrap() {
  if command -v debootstrap >/dev/null && [ -e "$keyring" ]; then return; fi
  echo "installing system packages: debootstrap debian-archive-keyring" >&2
  apt_install debootstrap debian-archive-keyring >"$1" 2>&1 </dev/null ||
    cannot "debootstrap cannot be installed ($1)"
}

# need_space DIRECTORY GIGABYTES WHAT
need_space() {
  local free
  free=$(df --output=avail -k "$1" | tail -n 1)
  [ "$free" -gt $(($2 * 1000000)) ] ||
    cannot "$3 takes $2 GB of free space to set up; $1 has $((free / 1000000)) GB"
}

# bootstrap SUITE ROOT OPTION...
bootstrap() {
  local script=/usr/share/debootstrap/scripts/$1
  # A debootstrap that is older than the suite does not know its name; sid's script makes them all.
  if [ ! -e "$script" ]; then script=/usr/share/debootstrap/scripts/sid; fi
  debootstrap --variant=minbase --force-check-gpg --keyring="$keyring" "${@:3}" "$1" "$2" "$mirror" "$script"
}
