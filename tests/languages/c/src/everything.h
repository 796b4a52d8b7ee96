#ifndef EVERYTHING_H
#define EVERYTHING_H

#include "ws_host.h"

// Calls each function of the SDK, and sends what they return. The other languages send the same lines.
void everything(ws_client client);

#endif
