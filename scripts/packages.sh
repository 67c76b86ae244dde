# shellcheck shell=bash
# For scripts/setup, scripts/build-windows and scripts/mbedtls: knows the system packages needed and gets the missing
# ones.

packages_directory=${PCSC_BRIDGE_PACKAGES:-$PWD/.cache/packages}

# Each line: the package, how to see that it is there, and what that looks for. A tool that came another way
# than by the package counts as there. 'file' patterns are below / or the private directory.
run_needs='
pcscd           program pcscd
libpcsclite1    file    {usr/,}lib{/*-linux-*,64,}/libpcsclite.so.1
vsmartcard-vpcd file    usr/{local/,}lib/pcsc/drivers/serial/libifdvpcd.so
mount           program mount
util-linux      program unshare
'
# Compilers and interpreters do not work from a private directory.
build_needs='
g++     program c++
make    program make
python3 program python3
'
# The keyring is for scripts/mbedtls.
agent_needs='
nlohmann-json3-dev     file usr/{local/,}include/nlohmann/json.hpp
debian-archive-keyring file usr/share/keyrings/debian-archive-keyring.gpg
'
test_needs='
opensc               program opensc-tool
yubico-piv-tool      program yubico-piv-tool
ykcs11               file usr/lib/*-linux-*/libykcs11.so.2
gnutls-bin           program p11tool
openssh-client       program ssh-keygen
openssh-server       program sshd
libengine-pkcs11-openssl file usr/lib/*-linux-*/engines-3/pkcs11.so
pcsc-tools           program pcsc_scan
openssl              program openssl
procps               program ps
iproute2             program ip
vsmartcard-vpicc     program vicc
python3-pycryptodome file    usr/lib/python3/dist-packages/Cryptodome/__init__.py
python3-pyscard      file    usr/lib/python3/dist-packages/smartcard/__init__.py
libpcsclite-dev      file    usr/{local/,}include/PCSC/winscard.h
doctest-dev          file    usr/{local/,}include/doctest/doctest.h
qemu-user            program qemu-aarch64
libstdc++6-arm64-cross file usr/aarch64-linux-gnu/lib/libstdc++.so.6
libstdc++6-armhf-cross file usr/arm-linux-gnueabihf/lib/libstdc++.so.6
libatomic1-armhf-cross file usr/arm-linux-gnueabihf/lib/libatomic.so.1
musl                 file    {usr/,}lib/x86_64-linux-musl/libc.so
chromium             file    usr/bin/{chromium,google-chrome,google-chrome-stable}
llvm                 program llvm-objdump
clang                program clang++
ccache               program ccache
libclang-rt-dev      file    usr/lib/{,llvm-*/lib/}clang/*/lib/*/libclang_rt.fuzzer{,-*}.a
'
# Not everywhere: Ubuntu has its browser as a snap. Tests that miss one of these are skipped, by name; without ccache
# they only take longer.
optional_packages=' chromium llvm clang libclang-rt-dev ccache '
# For scripts/build-windows.
windows_needs='
g++-mingw-w64-x86-64-posix program x86_64-w64-mingw32-g++-posix
g++-mingw-w64-i686-posix   program i686-w64-mingw32-g++-posix
make                       program make
'
# have KIND WHAT
have() {
  local root directory pattern
  for root in "" "$packages_directory"; do
    if [ "$1" = program ]; then
      for directory in bin sbin usr/bin usr/sbin usr/local/bin usr/local/sbin; do
        if [ -x "$root/$directory/$2" ]; then return 0; fi
      done
    else
      # Braces and stars of the pattern are ours, so eval is safe; the root is quoted.
      eval "pattern=(\"\$root\"/$2)"
      for pattern in "${pattern[@]}"; do
        if [ -e "$pattern" ]; then return 0; fi
      done
    fi
  done
  [ "$1" = program ] && command -v "$2" >/dev/null
}

# missing_of NEEDS: the packages of the list that are not there.
missing_of() {
  local package kind what
  while read -r package kind what; do
    if [ -n "$package" ] && ! have "$kind" "$what"; then echo "$package"; fi
  done <<<"$1"
}

# known APT-OPTION... -- PACKAGE...: the packages, without optional ones of which apt's lists know nothing.
known() {
  local -a options=()
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  local package
  for package in "${@:2}"; do
    if [[ $optional_packages != *" $package "* ]] ||
      [ -n "$(apt-cache "${options[@]}" show --no-all-versions "$package" 2>/dev/null)" ]; then
      echo "$package"
    fi
  done
}

# system_packages NEEDS: those, and what building needs.
system_packages() {
  local fetchable=$1 installable=$build_needs
  local -a fetch install
  mapfile -t fetch < <(missing_of "$fetchable")
  mapfile -t install < <(missing_of "$installable")
  # Without lists nothing is known yet; with them what is unknown is not asked for again.
  if compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null; then
    mapfile -t fetch < <(known -- "${fetch[@]}")
  fi
  local -a all=("${install[@]}" "${fetch[@]}")
  if [ ${#all[@]} -eq 0 ]; then return; fi

  if ! command -v apt-get >/dev/null; then
    say "install what these packages of Debian hold, by this system's own means: ${all[*]}"
    exit 1
  fi
  local -a as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if sudo -n true 2>/dev/null; then
      as_root=(sudo -n)
    else
      if [ ${#install[@]} -gt 0 ]; then
        say "this needs an administrator once: apt-get install ${install[*]}"
        if [ ${#fetch[@]} -gt 0 ]; then
          say "(missing as well, but fetched without one: ${fetch[*]})"
        fi
        exit 1
      fi
      step "fetching system packages into $packages_directory: ${fetch[*]}" unpack_packages "${fetch[@]}"
      return
    fi
  fi
  step "reading package lists" "${as_root[@]}" apt-get -q update
  mapfile -t all < <(known -- "${all[@]}")
  step "installing system packages: ${all[*]}" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y --no-install-recommends install "${all[@]}"
}

# private_apt DIRECTORY: sets apt_options for an apt of our own, for which an ordinary user will do: the system's sources
# and its record of installed packages, but lists, downloads and locks in the directory.
private_apt() {
  apt_options=(
    -o "Dir::State=$1/state" -o Dir::State::status=/var/lib/dpkg/status
    -o "Dir::Cache=$1/cache" -o "Dir::Log=$1/log" -o Debug::NoLocking=true
    -o APT::Sandbox::User= -o Acquire::Languages=none -o APT::Install-Recommends=false
  )
  mkdir -p "$1"/{state/lists/partial,cache/archives/partial,log}
}

# Downloads packages with whatever they depend on that is not installed, and unpacks them, all as this user.
# Runs in a condition (see step), where bash ignores set -e: so && throughout.
unpack_packages() {
  local apt
  apt=$(mktemp -d "${TMPDIR:-/tmp}/pcsc-bridge-apt-XXXXXX") || return 1
  private_apt "$apt" &&
    mkdir -p "$packages_directory" &&
    apt-get -q "${apt_options[@]}" update &&
    local package && local -a packages && mapfile -t packages < <(known "${apt_options[@]}" -- "$@") &&
    apt-get -q -y "${apt_options[@]}" --download-only install "${packages[@]}" &&
    for package in "$apt"/cache/archives/*.deb; do
      [ -e "$package" ] || continue
      dpkg-deb -x "$package" "$packages_directory" || return 1
    done &&
    rm -rf "$apt"
}

# What has been compiled of the same sources, in another clone or before, is not compiled again: Debian's links of ccache
# stand for the compilers.
use_ccache() {
  if [ ! -d /usr/lib/ccache ]; then return; fi
  # The directory is part of debugging information alone.
  export PATH=/usr/lib/ccache:$PATH CCACHE_NOHASHDIR=1
}
