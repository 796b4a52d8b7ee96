#ifndef EVERYTHING_HPP
#define EVERYTHING_HPP

#include "ws_host.hpp"

// Calls each function of the SDK, and sends what they return. The other languages send the same lines.
void everything(ws::Client client);

#endif
