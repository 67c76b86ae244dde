# What is cross-compiled for any system: the addon, pcsc-holder, pcsc-bridge-agent. Included by windows.mk and linux.mk,
# which link them and say with what: SYSTEM (as scripts/core-sources.mjs has it), CXX, CC, CPPFLAGS, CXXFLAGS, and
# WORK, where the objects go. Run from the project's root.
makefiles := $(MAKEFILE_LIST)

sources = $(shell node scripts/core-sources.mjs $(SYSTEM) $(1))
objects = $(patsubst %.cc,$(WORK)/%.o,$(1))
core_objects := $(call objects,$(call sources))
ifeq ($(core_objects),)
$(error node scripts/core-sources.mjs names no sources)
endif
pcsc_objects := $(call objects,$(call sources,pcsc loop backend))
MBEDTLS_OUT := $(WORK)/mbedtls
# Before what is for C++ alone is added.
MBEDTLS_CFLAGS := -O2 $(CPPFLAGS) $(CXXFLAGS)
include scripts/mbedtls.mk
agent_objects := $(call objects,$(call sources,agent))
addon_objects := $(call objects,$(filter-out $(if $(filter win,$(SYSTEM)),%_posix.cc %_linux.cc,%_windows.cc %_portable.cc),$(wildcard native/addon/*.cc)))
holder_objects := $(call objects,native/holder/main.cc)

headers := $(shell scripts/foreign-headers)
ifeq ($(headers),)
$(error scripts/foreign-headers found none)
endif
# As system headers: our warnings are for our code.
foreign := -isystem $(headers)
warnings := -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror
CXXFLAGS += -std=c++17 -O2 $(warnings)
CPPFLAGS += -Inative -MMD -MP
$(addon_objects): CPPFLAGS += $(foreign) -isystem node_modules/node-api-headers/include -isystem node_modules/node-addon-api \
  -DNAPI_CPP_EXCEPTIONS -DNAPI_VERSION=8 -DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS -DBUILDING_NODE_EXTENSION
# The JSON library's assertions are for its own developers; without them the C library's need not be there.
$(agent_objects): CPPFLAGS += $(foreign) $(mbedtls_cppflags) -DNDEBUG

$(WORK)/%.o: %.cc $(makefiles)
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

-include $(core_objects:.o=.d) $(addon_objects:.o=.d) $(holder_objects:.o=.d) $(agent_objects:.o=.d)
