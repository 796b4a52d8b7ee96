package main

import "runtime/debug"

// The garbage collector must not run while the host passes arguments: it reads the clock, and a component must not call
// imports at that time. So it is off, and runs explicitly between events.
func init() { debug.SetGCPercent(-1) }
