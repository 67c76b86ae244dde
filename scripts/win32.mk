# Cross-builds what the package contains for Windows on arm64; scripts/prebuild runs it: make -f scripts/win32.mk
# Run from the project's root. x64 and ia32 are made by mingw-w64, whose Debian packages have no arm64 (scripts/windows.mk).
PLATFORM ?= win32-arm64
OUT := prebuilds/$(PLATFORM)
WORK := .cache/prebuild/$(PLATFORM)
all: $(OUT)/pcsc_bridge.node $(OUT)/pcsc-holder.exe $(OUT)/pcsc-bridge-agent.exe

SYSTEM := win
CPPFLAGS := -DUNICODE -D_UNICODE -DNOMINMAX -DWIN32_LEAN_AND_MEAN
CXXFLAGS := -g0 -ffunction-sections -fdata-sections
include scripts/zig.mk
include scripts/libcxx.mk
include scripts/products.mk
# What the addon calls is here, not in a library that the loader could look for.
$(addon_objects): CPPFLAGS += -DNAPI_EXTERN=

# With the library for linkers where nobody packs it.
LDFLAGS = $(link_libcxx) -s -Wl,--gc-sections -Wl,--out-implib,$(WORK)/$(@F).lib
LIBRARIES := -ladvapi32
host_functions := $(WORK)/native/addon/host_functions.o

$(OUT)/pcsc_bridge.node: $(addon_objects) $(core_objects) $(host_functions) $(libcxx)
	@mkdir -p $(@D)
	$(CXX) -shared $(LDFLAGS) -o $@ $^ $(LIBRARIES)

$(OUT)/pcsc-holder.exe: $(holder_objects) $(pcsc_objects) $(libcxx)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^

# Sockets are the agent's alone.
$(OUT)/pcsc-bridge-agent.exe: $(agent_objects) $(core_objects) $(mbedtls_objects) $(libcxx)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^ $(LIBRARIES) -lws2_32

# What the addon takes from its host: Node-API, and the few functions of libuv that it calls.
$(WORK)/host_functions.inc: node_modules/node-api-headers/def/node_api.def $(wildcard native/addon/*.cc)
	@mkdir -p $(@D)
	{ grep -oE '^(napi|node_api)_[a-z0-9_]+' $<; grep -ohE '\buv_[a-z_]+\(' $(filter %.cc,$^) | tr -d '(' | sort -u; } | \
	  sed 's/.*/HOST_FUNCTION(&)/' >$@
$(host_functions): $(WORK)/host_functions.inc
$(host_functions): CPPFLAGS += -I$(WORK)
