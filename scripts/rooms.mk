# The rooms of native/, each compiled in one go (scripts/core-sources.mjs --into). Included by the makefiles that build all of
# them, which say with what: SYSTEM (as core-sources.mjs has it), WORK, where sources and objects go, CXX, CPPFLAGS and
# CXXFLAGS; and in makefiles, if they like, what all objects depend on. $(call rooms,agent doctor) gives the objects of these
# rooms, $(call rooms) those of the core.
rooms = $(patsubst %.cc,%.o,$(or $(shell node scripts/core-sources.mjs --into $(WORK)/rooms $(SYSTEM) $(1)),\
  $(error node scripts/core-sources.mjs names no sources)))

# GCC sees more code at once than elsewhere and is wrong twice: it mistakes std::variant's unused part for something that is
# read, and takes what a source keeps to itself for something that a header shows to others. The addon's own build
# (binding.gyp), one source after another, has both warnings. Clang has neither.
room_warnings := -Wno-unknown-warning-option -Wno-maybe-uninitialized -Wno-subobject-linkage
$(WORK)/rooms/%.o: $(WORK)/rooms/%.cc $(makefiles)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(room_warnings) -c -o $@ $<

# Not by wildcard, which would have make remember the folder as it is before the sources are there.
-include $(shell find $(WORK)/rooms -name '*.d' 2>/dev/null)
