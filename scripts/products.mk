# What is cross-compiled for any system: the addon, pcsc-holder, pcsc-bridge-agent. Included by the makefiles of the platforms,
# which link them and say with what: SYSTEM (as scripts/core-sources.mjs has it), CXX, CC, CPPFLAGS, CXXFLAGS, and
# WORK, where the objects go. Run from the project's root.
makefiles := $(MAKEFILE_LIST)

include scripts/rooms.mk
core_objects := $(call rooms)
pcsc_objects := $(call rooms,pcsc loop backend)
agent_objects := $(call rooms,agent) $(WORK)/native/agent/main.o $(WORK)/native/agent/wiping_heap.o
addon_objects := $(call rooms,addon)
holder_objects := $(WORK)/native/holder/main.o
MBEDTLS_OUT := $(WORK)/mbedtls
# Before what is for C++ alone is added.
MBEDTLS_CFLAGS := -O2 $(CPPFLAGS) $(CXXFLAGS)
include scripts/mbedtls.mk

headers := $(shell scripts/foreign-headers)
ifeq ($(headers),)
$(error scripts/foreign-headers found none)
endif
# As system headers: our warnings are for our code.
foreign := -isystem $(headers)
warnings := -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror
# For size: what takes time is the card.
CXXFLAGS += -std=c++17 -Os $(warnings)
# No assertions, ours or the JSON library's: they are for tests.
CPPFLAGS += -Inative -MMD -MP -DNDEBUG
include scripts/node-api.mk
$(addon_objects): CPPFLAGS += $(foreign) $(node_api_cppflags)
$(agent_objects): CPPFLAGS += $(foreign) $(mbedtls_cppflags)

$(WORK)/%.o: %.cc $(makefiles)
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

-include $(patsubst %.o,%.d,$(filter $(WORK)/native/%,$(agent_objects) $(holder_objects)))
