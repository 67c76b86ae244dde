# libc++ and libc++abi for what Zig compiles: $(libcxx), from the sources that come with Zig, of those parts that ours needs.
# Zig itself would compile all of both for each system, which takes longer than all that is ours, and put more of it into the
# binaries: streams, locales, and a demangler for the names of exceptions that nobody catches.
# Included by the makefiles of Zig's platforms between scripts/zig.mk and scripts/products.mk. They say CXXFLAGS, and WORK,
# where the objects go, and link with $(libcxx) and $(link_libcxx) (scripts/zig.mk).
zig_library := .cache/zig/$(shell sed -n 's/^version=//p' scripts/zig)/lib
libcxx := $(WORK)/libcxx/libcxx.a
libcxx_parts := $(addprefix libcxx/src/,chrono condition_variable condition_variable_destructor exception functional future hash memory \
  mutex mutex_destructor new_handler new_helpers optional stdexcept string system_error thread typeinfo variant vector verbose_abort)
libcxx_parts += $(addprefix libcxxabi/src/,abort_message cxa_aux_runtime cxa_default_handlers cxa_exception cxa_exception_storage \
  cxa_guard cxa_handlers cxa_personality cxa_thread_atexit cxa_virtual fallback_malloc private_typeinfo stdlib_exception \
  stdlib_new_delete stdlib_stdexcept stdlib_typeinfo)
libcxx_parts += $(if $(findstring windows,$(target_$(PLATFORM))),libcxx/src/support/win32/thread_win32)
libcxx_objects := $(libcxx_parts:%=$(WORK)/libcxx/%.o)

# As Zig compiles them, but for the demangler. Zig itself gives the paths of the headers and the version of the ABI.
libcxx_cppflags := -I$(zig_library)/libcxx/src -DNDEBUG -D_LIBCPP_BUILDING_LIBRARY -D_LIBCXXABI_BUILDING_LIBRARY \
  -D_LIBCPP_HAS_NO_PRAGMA_SYSTEM_HEADER -DLIBCXX_BUILDING_LIBCXXABI -D_LIBCPP_DISABLE_NEW_DELETE_DEFINITIONS \
  -DLIBCXXABI_NON_DEMANGLING_TERMINATE
libcxx_cppflags += $(if $(findstring musl,$(target_$(PLATFORM))),-D_LIBCPP_HAS_MUSL_LIBC) \
  $(if $(findstring gnu,$(target_$(PLATFORM))),-DHAVE___CXA_THREAD_ATEXIT_IMPL)
$(libcxx_objects): libcxx_cxxflags := $(CXXFLAGS)
$(WORK)/libcxx/%.o: $(zig_library)/%.cpp scripts/zig.mk scripts/libcxx.mk
	@mkdir -p $(@D)
	$(CXX) $(libcxx_cppflags) $(libcxx_cxxflags) -std=c++20 -Os -w -c -o $@ $<
$(libcxx): $(libcxx_objects)
	rm -f $@
	scripts/zig ar rc $@ $^
