// How a function is exported: under its plain name, W functions on Windows under their own.
#pragma once

#include "platform.h"

#if defined(_WIN32)
#define FAKE_PCSC_EXPORT extern "C" __declspec(dllexport)
#define FAKE_PCSC_TEXT(name) name##W
#else
#define FAKE_PCSC_EXPORT extern "C" __attribute__((visibility("default")))
#define FAKE_PCSC_TEXT(name) name
#endif
