{
  "variables": {
    # The core: everything under native/ that knows nothing of Node.
    "core_sources": ["<!@(node scripts/core-sources.mjs <(OS))"],
    "pcsc_sources": ["<!@(node scripts/core-sources.mjs <(OS) pcsc loop backend)"],
    "warnings": ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wnon-virtual-dtor"],
    # Warnings are errors in our own builds (scripts/setup), not where users compile with a compiler we do not know.
    "warnings_are_errors%": 0,
    "hardened": ["-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"],
  },
  "target_defaults": {
    "include_dirs": ["native"],
    "cflags!": ["-fno-exceptions"],
    "cflags_cc!": ["-fno-exceptions", "-std=gnu++17"],
    "cflags_cc": ["-std=c++17", "<@(warnings)"],
    "xcode_settings": {
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
      "OTHER_CPLUSPLUSFLAGS": ["<@(warnings)"],
    },
    "msvs_settings": {
      "VCCLCompilerTool": { "ExceptionHandling": 1, "AdditionalOptions": ["/std:c++17", "/W4"] },
    },
    # The C library's checks take optimization, which a debug build has not.
    # Assertions are for tests: a release build has none.
    "configurations": {
      "Release": { "defines": ["NDEBUG"], "conditions": [["OS=='linux'", { "cflags_cc": ["<@(hardened)"] }]] },
    },
    "conditions": [
      ["warnings_are_errors==1", { "cflags_cc": ["-Werror"] }],
      ["OS=='win'", { "defines": ["UNICODE", "_UNICODE", "NOMINMAX", "WIN32_LEAN_AND_MEAN", "_WIN32_WINNT=0x0600"] }],
    ],
  },
  "targets": [
    {
      "target_name": "pcsc_bridge",
      "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except"],
      "defines": ["NAPI_VERSION=8", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      # As a system header: our warnings are for our code. Relative to build/, so that no space of the path is in it.
      "cflags_cc": ["-isystem ../<!(node -p \"require('node-addon-api').include_dir\")"],
      "sources": [
        "<@(core_sources)",
        "<!@(node scripts/core-sources.mjs <(OS) addon)",
      ],
      "conditions": [
        # Looked up at the start: the loader's way to do it at a function's first call leaves registers, and what was
        # just copied, on the stack.
        ["OS=='linux'", {
          "libraries": ["-ldl", "-pthread"],
          "ldflags": ["-Wl,-z,relro,-z,now"],
        }],
        ["OS=='win'", {
          "libraries": ["-ladvapi32"],
          # node-gyp has a hook of its own.
          "sources!": ["native/addon/delay_load_windows.cc"],
        }],
      ],
    },
    {
      # A separate program of plain PC/SC that holds a transaction: the other process of the reproduction.
      "target_name": "pcsc-holder",
      "type": "executable",
      "sources": ["native/holder/main.cc", "<@(pcsc_sources)"],
      "conditions": [["OS=='linux'", {
        "libraries": ["-ldl", "-pthread"],
        "cflags_cc": ["-fPIE"],
        "ldflags": ["-pie", "-Wl,-z,relro,-z,now"],
      }]],
    },
  ],
}
