package main

import "runtime/debug"

// The collector must not run while the host hands over arguments: it reads the clock, and a component must not call out
// then. So it runs by hand, between events.
func init() { debug.SetGCPercent(-1) }
