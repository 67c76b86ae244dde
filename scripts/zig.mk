# The platforms that Zig compiles for. Included by their makefiles, which say PLATFORM, and by test/fake-pcsc's, which has several
# and calls $(call zig,c++,PLATFORM). Run from the project's root.
CXX = $(call zig,c++,$(PLATFORM))
CC = $(call zig,cc,$(PLATFORM))
zig = scripts/zig $(1) -target $(or $(target_$(2)),$(error Zig compiles for no platform $(2)))
# Instead of Zig's libc++, that of scripts/libcxx.mk.
link_libcxx := -Os -nostdlib++ -lunwind

# Linux: built against the glibc that Node.js 20 needs. The binaries run with 2.17 (docs/compatibility.md), which
# test/integration/package/prebuilds.test.ts checks.
target_linux-x64 := x86_64-linux-gnu.2.28
target_linux-arm64 := aarch64-linux-gnu.2.28
target_linux-x64-musl := x86_64-linux-musl
target_linux-arm64-musl := aarch64-linux-musl
# ARMv7 with the floating-point unit that Debian's armhf requires, without NEON.
target_linux-arm := arm-linux-gnueabihf.2.28 -mcpu=generic+v7a+vfp3d16-neon
# macOS 11 is the oldest that Node.js 20 runs on. Zig contains the headers and the list of symbols of libSystem, and no
# framework: PCSC.framework is loaded at run time.
target_darwin-x64 := x86_64-macos.11.0
target_darwin-arm64 := aarch64-macos.11.0
# Windows 10 is the first for arm64.
target_win32-arm64 := aarch64-windows.win10-gnu
