// What Debian's libstdc++, libgcc and libpcsclite, made for glibc, ask for and musl does not have. Built for musl under
// the name of glibc's loader, which most of them name as well, it lets a program that was made for Alpine run here. musl takes
// libc.so.6 for itself. test/support/foreign.ts uses it.
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded = 0;
unsigned __cpu_model[4];

int __cpu_indicator_init(void) {
  return 0;
}

// Destructors of threads' own variables do not run: none matters here.
int __cxa_thread_atexit_impl(void (*destructor)(void*), void* object, void* library) {
  (void)destructor, (void)object, (void)library;
  return 0;
}

// "Nothing is known of that address": exceptions of programs that use the host's libgcc end them.
int _dl_find_object(void* address, void* result) {
  (void)address, (void)result;
  return -1;
}

unsigned long __getauxval(unsigned long type) {
  return getauxval(type);
}

size_t __strftime_l(char* text, size_t size, const char* format, const struct tm* time, locale_t locale) {
  return strftime_l(text, size, format, time, locale);
}

unsigned arc4random(void) {
  unsigned number = 0;
  getrandom(&number, sizeof number, 0);
  return number;
}

int __vsnprintf_chk(char* text, size_t size, int flag, size_t space, const char* format, va_list arguments) {
  (void)flag, (void)space;
  return vsnprintf(text, size, format, arguments);
}

int __snprintf_chk(char* text, size_t size, int flag, size_t space, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = __vsnprintf_chk(text, size, flag, space, format, arguments);
  va_end(arguments);
  return length;
}

int __fprintf_chk(FILE* file, int flag, const char* format, ...) {
  (void)flag;
  va_list arguments;
  va_start(arguments, format);
  const int length = vfprintf(file, format, arguments);
  va_end(arguments);
  return length;
}
