# Cross-builds what runs on Windows, for one architecture; scripts/build-windows runs it: make -f scripts/windows.mk ARCH=x64
# Run from the project's root. Objects are kept where node-gyp, which clears build/, does not come.
ARCH ?= x64
OUT := build/windows/$(ARCH)
WORK := .cache/windows/$(ARCH)
all: $(OUT)/pcsc_bridge.node $(OUT)/pcsc-holder.exe $(OUT)/pcsc-bridge-agent.exe

SYSTEM := win
TARGET := $(if $(filter ia32,$(ARCH)),i686-w64-mingw32,x86_64-w64-mingw32)
# Debian has no links for these (use_ccache in scripts/packages.sh).
ccache := $(if $(wildcard /usr/lib/ccache),ccache)
CXX := $(ccache) $(TARGET)-g++-posix
CC := $(ccache) $(TARGET)-gcc-posix
DLLTOOL := $(TARGET)-dlltool
CPPFLAGS := -D_WIN32_WINNT=0x0600 -DUNICODE -D_UNICODE -DNOMINMAX -DWIN32_LEAN_AND_MEAN
include scripts/products.mk

# No dllimport: calls by way of the import table alone would let the 32-bit linker drop the delay loader's stubs.
$(addon_objects): CPPFLAGS += -DNAPI_EXTERN=

comma := ,
# Static, so that nothing of the compiler's has to be there; for NT 6.0, so that it is not refused there. Loaded at a random
# address, of 64 bits if Windows can (NT 6.0 ignores that flag), and data is never run. No stack canaries: mingw's asks the
# system's cryptography for one while the addon is being loaded, where no library may be loaded.
LDFLAGS := -static -s -Wl,--major-subsystem-version=6,--minor-subsystem-version=0,--major-os-version=6,--minor-os-version=0
LDFLAGS += -Wl,--dynamicbase,--nxcompat$(if $(filter x64,$(ARCH)),$(comma)--high-entropy-va)
LIBRARIES := -ladvapi32

$(OUT)/pcsc_bridge.node: $(addon_objects) $(core_objects) $(WORK)/libnode.a
	@mkdir -p $(@D)
	$(CXX) -shared $(LDFLAGS) -o $@ $^ $(LIBRARIES)

$(OUT)/pcsc-holder.exe: $(holder_objects) $(pcsc_objects)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^

# Sockets are the agent's alone.
$(OUT)/pcsc-bridge-agent.exe: $(agent_objects) $(core_objects) $(mbedtls_objects)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^ $(LIBRARIES) -lws2_32

# What the addon takes from its host: Node-API, and the few functions of libuv that it calls.
$(WORK)/node.def: node_modules/node-api-headers/def/node_api.def $(addon_objects)
	{ awk 1 $<; $(TARGET)-nm -u $(addon_objects) | sed -nE 's/.* _?(uv_[a-z_]+)$$/\1/p' | sort -u; } >$@

$(WORK)/libnode.a: $(WORK)/node.def
	$(DLLTOOL) --input-def $< --dllname node.exe --output-delaylib $@
