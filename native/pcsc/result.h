// A value or an error: how the core reports failure. No exception leaves a core function.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "pcsc/status.h"

namespace pcsc_bridge {

// The details of a failure.
struct Error {
  Status code = status::kInternalError;
  std::string operation;  // the PC/SC or system function: "SCardConnect"
  std::string reader;     // UTF-8; empty when no reader is concerned
  std::string detail;     // more for people, a sentence; may be empty
};

// The error of an operation that its caller gave up.
inline Error CancelledError() {
  return Error{status::kCancelled, "cancel", "", ""};
}

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  T& operator*() { return value(); }
  T* operator->() { return &value(); }

  const Error& error() const { return std::get<1>(state_); }
  Status code() const { return ok() ? status::kSuccess : error().code; }

 private:
  std::variant<T, Error> state_;
};

// The value of an operation that only succeeds or fails.
struct Done {};

}  // namespace pcsc_bridge
