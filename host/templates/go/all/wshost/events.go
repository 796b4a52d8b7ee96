package wshost

import (
	"errors"
	"strings"
	"unsafe"
)

// The events, as the host calls them. Each one ends with `finish`, and none with a panic.

func finish() {
	release()
	collect()
}

// clientEvent is an event of a client that is connected.
func clientEvent(client Client, event string, method func() error) {
	if err := guarded(method); err != nil {
		fail(client, event, err)
	}
}

// otherEvent is an event after which no client is closed.
func otherEvent(event string, method func() error) {
	if err := guarded(method); err != nil {
		report(event, err)
	}
}

func connected(client Client) bool {
	defer finish()
	err := guarded(func() error { return handler.Connected(client, Handshake{client}) })
	if err == nil {
		return true
	}
	var rejection *Rejection
	if !errors.As(err, &rejection) {
		report("Connected, "+client.String(), err)
		rejection = &Rejection{Status: 500}
	}
	if err := rejection.respond(client); err != nil {
		report("Connected, "+client.String()+", its rejection", err)
		_ = (&Rejection{Status: 500}).respond(client)
	}
	return false
}

func receivedText(client Client, message string) {
	clientEvent(client, "ReceivedText", func() error { return handler.ReceivedText(client, message) })
	finish()
}

func receivedBinary(client Client, message []byte) {
	clientEvent(client, "ReceivedBinary", func() error { return handler.ReceivedBinary(client, message) })
	finish()
}

func receivedPong(client Client, payload []byte) {
	clientEvent(client, "ReceivedPong", func() error { return handler.ReceivedPong(client, payload) })
	finish()
}

func disconnected(client Client) {
	otherEvent("Disconnected, "+client.String(), func() error {
		handler.Disconnected(client, Disconnection{client})
		return nil
	})
	finish()
}

func receivedBurst(client Client) {
	for {
		nextOfBurst(area())
		if resultByte(0) == 0 {
			return
		}
		isBinary, contents := resultByte(4) != 0, stringFrom(resultWord(8), resultWord(12))
		ends := unsafe.Slice((*uint32)(address(resultWord(16))), resultWord(20))
		start := uint32(0)
		for i, end := range ends {
			// The host has begun only the first of these messages.
			if i > 0 && advanceBurst() == 0 {
				return
			}
			// Each message is copied: a handler that keeps one would otherwise keep all of them.
			if isBinary {
				receivedBinary(client, []byte(contents[start:end]))
			} else {
				receivedText(client, strings.Clone(contents[start:end]))
			}
			start = end
		}
	}
}

// returned is where the result of an event is written for the host to read, and what it points to.
var (
	returned     [3]uint32
	returnedData []byte
)

// result writes an option or a result with bytes as its value.
func result(tag uint32, data []byte) unsafe.Pointer {
	returnedData = data
	returned = [3]uint32{tag, uint32(uintptr(unsafe.Pointer(unsafe.SliceData(data)))), uint32(len(data))}
	return unsafe.Pointer(&returned)
}

func suspend() unsafe.Pointer {
	defer finish()
	var state []byte
	if stateful, ok := handler.(Stateful); ok {
		otherEvent("Suspend", func() (err error) {
			state, err = stateful.Suspend()
			return err
		})
	}
	if state == nil {
		return result(0, nil)
	}
	return result(1, state)
}

func resume(state []byte) unsafe.Pointer {
	defer finish()
	stateful, ok := handler.(Stateful)
	if !ok {
		return result(0, nil)
	}
	return outcome("Resume", nil, guarded(func() error { return stateful.Resume(state) }))
}

func receivedCustom(message []byte) unsafe.Pointer {
	defer finish()
	custom, ok := handler.(Custom)
	if !ok {
		return outcome("ReceivedCustom", nil, errors.New("this handler takes no custom messages"))
	}
	var reply []byte
	err := guarded(func() (err error) {
		reply, err = custom.ReceivedCustom(message, CustomMessage{})
		return err
	})
	return outcome("ReceivedCustom", reply, err)
}

// outcome is what the host gets of an event that can fail. It logs an error by itself; a panic has its stack only here.
func outcome(event string, reply []byte, err error) unsafe.Pointer {
	if err == nil {
		return result(0, reply)
	}
	if _, ok := err.(*panicError); ok {
		report(event, err)
	}
	return result(1, []byte(strings.ToValidUTF8(err.Error(), "?")))
}

func fired(timer uint64) {
	if timed, ok := handler.(Timed); ok {
		otherEvent("Fired", func() error { return timed.Fired(timer) })
	}
	finish()
}

func drained(client Client) {
	if draining, ok := handler.(Draining); ok {
		clientEvent(client, "Drained", func() error { return draining.Drained(client) })
	}
	finish()
}

func expiring(client Client) {
	if expiring, ok := handler.(Expiring); ok {
		clientEvent(client, "Expiring", func() error { return expiring.Expiring(client) })
	}
	finish()
}

func stopping() {
	if stopping, ok := handler.(Stopping); ok {
		otherEvent("Stopping", stopping.Stopping)
	}
	finish()
}
