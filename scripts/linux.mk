# Cross-builds what the package brings for one Linux; scripts/prebuild runs it: make -f scripts/linux.mk PLATFORM=linux-arm64
# Run from the project's root.
PLATFORM ?= linux-x64
OUT := prebuilds/$(PLATFORM)
WORK := .cache/prebuild/$(PLATFORM)
all: $(OUT)/pcsc_bridge.node $(OUT)/pcsc-holder $(OUT)/pcsc-bridge-agent

SYSTEM := linux
# As node-gyp: on 32 bits, files of file systems with 64-bit inodes could not be opened otherwise.
CPPFLAGS := -D_FILE_OFFSET_BITS=64
# Nothing of what zig would write for debuggers by itself, as all is stripped: that takes a third longer.
CXXFLAGS := -g0 -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections
# Stack canaries, and the C library's checks of buffer sizes (musl has none).
CXXFLAGS += -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
include scripts/zig.mk
include scripts/libcxx.mk
include scripts/products.mk

LDFLAGS := $(link_libcxx) -s -Wl,--gc-sections -Wl,-z,relro,-z,now
# The programs load the PC/SC library at run time, so they cannot be static, which with musl is what zig makes of a
# program that takes no shared library: it is shown an empty one.
dynamic := $(if $(findstring musl,$(PLATFORM)),$(WORK)/libempty.so)
link_program = $(CXX) -pie $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(if $(dynamic),-L$(WORK) -Wl$(comma)--as-needed -lempty)
comma := ,

$(OUT)/pcsc_bridge.node: $(addon_objects) $(core_objects) $(libcxx) native/addon/exports.map
	@mkdir -p $(@D)
	$(CXX) -shared $(LDFLAGS) -Wl,--version-script=native/addon/exports.map -o $@ $(filter %.o %.a,$^)

$(OUT)/pcsc-holder: $(holder_objects) $(pcsc_objects) $(libcxx) $(dynamic)
	@mkdir -p $(@D)
	$(link_program)

$(OUT)/pcsc-bridge-agent: $(agent_objects) $(core_objects) $(mbedtls_objects) $(libcxx) $(dynamic)
	@mkdir -p $(@D)
	$(link_program)

$(WORK)/libempty.so:
	@mkdir -p $(@D)
	$(CC) -shared -o $@ -x c /dev/null
