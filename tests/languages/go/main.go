// A handler that fails in each way in which handlers fail. It replaces main.go in a project named faults.
package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"example/faults/wshost"
)

type faults struct {
	wshost.Defaults

	count        int
	throwOnLeave bool
	hoard        [][]byte
}

// throw is written into a map that was never made: a panic of the runtime.
func throw() {
	var missing map[string]int
	missing["thrown"] = 1
}

func (f *faults) Connected(client wshost.Client, _ wshost.Handshake) error {
	if client.Request().Query() == "throw" {
		throw()
	}
	return nil
}

func (f *faults) ReceivedText(client wshost.Client, message string) error {
	f.count++
	command, arguments, _ := strings.Cut(message, " ")
	switch command {
	case "throw":
		throw()
	case "expire":
		return client.Expire(time.Minute, time.Minute-10*time.Millisecond)
	case "everything":
		everything(client)
	case "/throw-on-leave":
		f.throwOnLeave = true
	case "timer":
		return wshost.SetTimer(1, 0)
	case "loop":
		for {
		}
	case "memory":
		for {
			f.hoard = append(f.hoard, make([]byte, 1<<20))
		}
	case "close":
		number, reason, _ := strings.Cut(arguments, " ")
		code, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return err
		}
		return client.Close(uint16(code), reason)
	case "gone":
		sent := (client + 1_000_000).SendText("nobody") == nil
		return client.SendText(strconv.FormatBool(sent))
	case "id":
		return client.SendText(strconv.FormatUint(uint64(client), 10))
	case "count":
		return client.SendText(strconv.Itoa(f.count))
	}
	return nil
}

func (f *faults) ReceivedBinary(wshost.Client, []byte) error {
	throw()
	return nil
}

func (f *faults) ReceivedPong(_ wshost.Client, payload []byte) error {
	if string(payload) == "throw" {
		throw()
	}
	return nil
}

func (f *faults) Disconnected(wshost.Client, wshost.Disconnection) {
	if f.throwOnLeave {
		f.throwOnLeave = false
		throw()
	}
}

func (f *faults) Fired(uint64) error {
	throw()
	return nil
}

func (f *faults) Expiring(client wshost.Client) error {
	client.Keep()
	return client.SendText("expiring")
}

func (f *faults) Stopping() error {
	wshost.BroadcastText(wshost.Clients(), "stopping")
	return nil
}

func (f *faults) ReceivedCustom(message []byte, about wshost.CustomMessage) ([]byte, error) {
	reply := about.Kind() + " of " + about.Sender() + ": " + string(message)
	if string(message) == "fail" {
		return nil, errors.New(reply)
	}
	return []byte(reply), nil
}

func init() { wshost.Serve(&faults{}) }

func main() {}
