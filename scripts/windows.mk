# Cross-builds what runs on Windows, for one architecture; scripts/build-windows runs it: make -f scripts/windows.mk ARCH=x64
# Run from the project's root. Objects are kept where node-gyp, which clears build/, does not come.
ARCH ?= x64
OUT := build/windows/$(ARCH)
WORK := .cache/windows/$(ARCH)

TARGET := $(if $(filter ia32,$(ARCH)),i686-w64-mingw32,x86_64-w64-mingw32)
CXX := $(TARGET)-g++-posix
DLLTOOL := $(TARGET)-dlltool

core := $(shell node scripts/core-sources.mjs win)
pcsc := $(shell node scripts/core-sources.mjs win pcsc)
ifeq ($(core),)
$(error node scripts/core-sources.mjs names no sources)
endif
addon := $(filter-out %_posix.cc,$(wildcard native/addon/*.cc))
agent := $(if $(wildcard native/agent),$(shell node scripts/core-sources.mjs win agent))

objects = $(patsubst %.cc,$(WORK)/%.o,$(1))
core_objects := $(call objects,$(core))
addon_objects := $(call objects,$(addon))
pcsc_objects := $(call objects,$(pcsc))
agent_objects := $(call objects,$(agent))
holder_objects := $(call objects,native/holder/main.cc)

warnings := -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror
CXXFLAGS := -std=c++17 -O2 $(warnings)
CPPFLAGS := -Inative -MMD -MP -D_WIN32_WINNT=0x0600 -DUNICODE -D_UNICODE -DNOMINMAX -DWIN32_LEAN_AND_MEAN
# As system headers: our warnings are for our code.
foreign := -isystem .cache/windows/include
addon_headers := $(foreign) -isystem node_modules/node-api-headers/include -isystem node_modules/node-addon-api
# No dllimport: calls by way of the import table alone would let the 32-bit linker drop the delay loader's stubs.
addon_defines := -DNAPI_EXTERN= -DNAPI_CPP_EXCEPTIONS -DNAPI_VERSION=8 -DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS -DBUILDING_NODE_EXTENSION

# Static, so that nothing of the compiler's has to be there; for NT 6.0, so that it is not refused there.
LDFLAGS := -static -s -Wl,--major-subsystem-version=6,--minor-subsystem-version=0,--major-os-version=6,--minor-os-version=0
LIBRARIES := -lwtsapi32 -ladvapi32

products := $(OUT)/pcsc_bridge.node $(OUT)/pcsc-holder.exe $(if $(agent),$(OUT)/pcsc-bridge-agent.exe)
all: $(products)

$(OUT)/pcsc_bridge.node: $(addon_objects) $(core_objects) $(WORK)/libnode.a
	@mkdir -p $(@D)
	$(CXX) -shared $(LDFLAGS) -o $@ $^ $(LIBRARIES)

$(OUT)/pcsc-holder.exe: $(holder_objects) $(pcsc_objects)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^

# Sockets are the agent's alone.
$(OUT)/pcsc-bridge-agent.exe: $(agent_objects) $(core_objects)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^ $(LIBRARIES) -lws2_32

$(addon_objects): CPPFLAGS += $(addon_headers) $(addon_defines)
# The JSON library's assertions are for its own developers; without them the C library's need not be there.
$(agent_objects): CPPFLAGS += $(foreign) -DNDEBUG

$(WORK)/%.o: %.cc scripts/windows.mk
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

# What the addon takes from its host: Node-API, and the few functions of libuv that it calls.
$(WORK)/node.def: node_modules/node-api-headers/def/node_api.def $(addon_objects)
	{ awk 1 $<; $(TARGET)-nm -u $(addon_objects) | sed -nE 's/.* _?(uv_[a-z_]+)$$/\1/p' | sort -u; } >$@

$(WORK)/libnode.a: $(WORK)/node.def
	$(DLLTOOL) --input-def $< --dllname node.exe --output-delaylib $@

-include $(core_objects:.o=.d) $(addon_objects:.o=.d) $(holder_objects:.o=.d) $(agent_objects:.o=.d)
