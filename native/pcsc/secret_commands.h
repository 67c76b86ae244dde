// Which commands carry a PIN or a key.
#pragma once

#include "pcsc/types.h"

namespace pcsc_bridge {

// Whether a command APDU carries a PIN or a key in the clear: it is not sent to a card a second time.
// src/apdu/secrets.ts has the same rule and says where each command comes from.
bool CarriesSecret(const Bytes& command);

}  // namespace pcsc_bridge
