//go:build wasip1

package wshost

import "unsafe"

// What the host calls: one function for each event in wit/, and one that gives it memory.

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	return allocate(old, oldSize, align, size)
}

//go:wasmexport ws-host:socket/handler@0.1.0#connected
func exportConnected(client uint64) bool { return connected(Client(client)) }

//go:wasmexport ws-host:socket/handler@0.1.0#received-text
func exportReceivedText(client uint64, at, length uint32) {
	receivedText(Client(client), stringFrom(at, length))
}

//go:wasmexport ws-host:socket/handler@0.1.0#received-binary
func exportReceivedBinary(client uint64, at, length uint32) {
	receivedBinary(Client(client), bytesFrom(at, length))
}

//go:wasmexport ws-host:socket/handler@0.1.0#received-pong
func exportReceivedPong(client uint64, at, length uint32) {
	receivedPong(Client(client), bytesFrom(at, length))
}

//go:wasmexport ws-host:socket/handler@0.1.0#disconnected
func exportDisconnected(client uint64) { disconnected(Client(client)) }

//go:wasmexport ws-host:socket/burst-listener@0.1.0#received-burst
func exportReceivedBurst(client uint64) { receivedBurst(Client(client)) }

//go:wasmexport ws-host:socket/lifecycle@0.1.0#suspend
func exportSuspend() unsafe.Pointer { return suspend() }

//go:wasmexport ws-host:socket/lifecycle@0.1.0#resume
func exportResume(hasState, at, length uint32) unsafe.Pointer {
	if hasState == 0 {
		return resume(nil)
	}
	return resume(bytesFrom(at, length))
}

//go:wasmexport ws-host:socket/timers-listener@0.1.0#fired
func exportFired(timer uint64) { fired(timer) }

//go:wasmexport ws-host:socket/custom-listener@0.1.0#received-custom
func exportReceivedCustom(at, length uint32) unsafe.Pointer {
	return receivedCustom(bytesFrom(at, length))
}

//go:wasmexport ws-host:socket/drained-listener@0.1.0#drained
func exportDrained(client uint64) { drained(Client(client)) }

//go:wasmexport ws-host:socket/expiry-listener@0.1.0#expiring
func exportExpiring(client uint64) { expiring(Client(client)) }

//go:wasmexport ws-host:socket/stop-listener@0.1.0#stopping
func exportStopping() { stopping() }
