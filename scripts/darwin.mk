# Cross-builds what the package contains for macOS; scripts/prebuild runs it: make -f scripts/darwin.mk PLATFORM=darwin-arm64
# Run from the project's root.
PLATFORM ?= darwin-arm64
OUT := prebuilds/$(PLATFORM)
WORK := .cache/prebuild/$(PLATFORM)
all: $(OUT)/pcsc_bridge.node $(OUT)/pcsc-holder $(OUT)/pcsc-bridge-agent

SYSTEM := mac
CXXFLAGS := -g0 -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections
CXXFLAGS += -fstack-protector-strong
include scripts/zig.mk
include scripts/libcxx.mk
include scripts/products.mk

LDFLAGS := $(link_libcxx) -s -Wl,-dead_strip

# Node-API and libuv come from the program that loads the addon. Its install name is not used, but without one it would be the
# path here. Zig's linker exports all names, even hidden ones; as none is weak, no other library is bound to them.
$(OUT)/pcsc_bridge.node: $(addon_objects) $(core_objects) $(libcxx)
	@mkdir -p $(@D)
	$(CXX) -shared $(LDFLAGS) -Wl,-undefined,dynamic_lookup,-install_name,@rpath/$(@F) -o $@ $^

$(OUT)/pcsc-holder: $(holder_objects) $(pcsc_objects) $(libcxx)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^

$(OUT)/pcsc-bridge-agent: $(agent_objects) $(core_objects) $(mbedtls_objects) $(libcxx)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^
