// A handler that fails in each way in which handlers fail. It replaces main.go in a project named faults.
package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"example/faults/wshost"
)

type faults struct {
	wshost.Defaults

	count int
	// failing is the event that panics the next time.
	failing string
	hoard   [][]byte
}

// unusable is a saved state that cannot be resumed.
const unusable = "unusable"

// throw is written into a map that was never made: a panic of the runtime.
func throw() {
	var missing map[string]int
	missing["thrown"] = 1
}

func (f *faults) throwIfAsked(event string) {
	if f.failing == event {
		f.failing = ""
		throw()
	}
}

// invalid ends with a byte that is not UTF-8.
const invalid = "half: \xff"

func useInvalidText(client wshost.Client, where string) error {
	text, none := wshost.Text(invalid), wshost.SendOptions{}
	switch where {
	case "send":
		return client.SendText(invalid)
	case "options":
		return client.Send(text, wshost.SendOptions{Compression: "never"})
	case "broadcast":
		wshost.BroadcastText([]wshost.Client{client}, invalid)
	case "publish":
		_ = client.Subscribe("news")
		return wshost.Publish("news", text, none)
	case "topic":
		_ = client.Subscribe(invalid)
		return client.SendText(strings.Join(client.Topics(), ","))
	case "tag":
		_ = client.Tag(invalid)
		return client.SendText(strings.Join(client.Tags(), ","))
	case "log":
		wshost.Log("info", invalid)
		wshost.Log(invalid, "of an unknown level")
		return client.SendText("logged")
	case "close":
		return client.Close(4000, invalid)
	case "rest":
		client.Unsubscribe(invalid)
		wshost.Subscribers(invalid)
		_ = wshost.Publish(invalid, text, none)
		client.Untag(invalid)
		wshost.Tagged(invalid)
		_ = wshost.SendTagged(invalid, text, none)
		_ = wshost.CloseTagged(invalid, 1000, invalid)
		_ = client.Send(text, wshost.SendOptions{Compression: invalid})
		client.Request().Parameter(invalid)
		client.Request().Header(invalid)
		wshost.LogEnabled(invalid)
		_ = wshost.Handshake{}.AddHeader(invalid, invalid)
		_ = wshost.Handshake{}.ChooseSubprotocol(invalid)
		return client.SendText("done")
	}
	return nil
}

func recurse(depth int) int { return 1 + recurse(depth+1) }

func (f *faults) Connected(client wshost.Client, handshake wshost.Handshake) error {
	if err := handshake.AddHeader("x-handler", "faults"); err != nil {
		return err
	}
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
	case "invalid":
		return useInvalidText(client, arguments)
	case "everything":
		everything(client)
	case "fail":
		return errors.New("failed with 7")
	case "throw-in":
		f.failing = arguments
		return client.SendText("noted")
	case "fill":
		chunk := strings.Repeat("x", 60_000)
		for client.SendText(chunk) == nil {
		}
	case "recurse":
		recurse(0)
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

func (f *faults) Disconnected(_ wshost.Client, end wshost.Disconnection) {
	f.throwIfAsked("disconnected")
	sent, _ := end.SentCode()
	fmt.Printf("ended: %s %d %d %v %s\n", end.Cause(), end.Code(), sent, end.Clean(), end.Reason())
}

func (f *faults) Fired(uint64) error {
	throw()
	return nil
}

func (f *faults) Drained(wshost.Client) error {
	f.throwIfAsked("drained")
	return nil
}

func (f *faults) Expiring(client wshost.Client) error {
	f.throwIfAsked("expiring")
	client.Keep()
	return client.SendText("expiring")
}

func (f *faults) Stopping() error {
	f.throwIfAsked("stopping")
	wshost.BroadcastText(wshost.Clients(), "stopping")
	return nil
}

func (f *faults) ReceivedCustom(message []byte, about wshost.CustomMessage) ([]byte, error) {
	if string(message) == "throw" {
		throw()
	}
	reply := about.Kind() + " of " + about.Sender() + ": " + string(message)
	if string(message) == "fail" {
		return nil, errors.New(reply)
	}
	return []byte(reply), nil
}

func (f *faults) Suspend() ([]byte, error) {
	f.throwIfAsked("suspend")
	if f.failing == "resume" {
		fmt.Println("the state is unusable")
		return []byte(unusable), nil
	}
	return []byte(strconv.Itoa(f.count)), nil
}

func (f *faults) Resume(state []byte) (err error) {
	if string(state) == unusable {
		throw()
	}
	if state != nil {
		f.count, err = strconv.Atoi(string(state))
	}
	return err
}

func init() { wshost.Serve(&faults{}) }

func main() {}
