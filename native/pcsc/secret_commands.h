// Which commands carry a PIN or a key.
#pragma once

#include "pcsc/types.h"

namespace pcsc_bridge {

// Whether a command APDU carries a PIN or a key in plain text: it is then not sent to a card a second time.
// src/apdu/secrets.ts has the same rule and names the source of each command.
bool CarriesSecret(const Bytes& command);

}  // namespace pcsc_bridge
