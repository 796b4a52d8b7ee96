// Package everything is a handler that uses every part of the contract. There is an equivalent one in each language.
// The other packages only forward to this one: wit-bindgen expects a package for each exported interface.
package everything

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	. "go.bytecodealliance.org/pkg/wit/types"
	burst "wit_component/ws_host_socket_burst"
	clients "wit_component/ws_host_socket_clients"
	custom "wit_component/ws_host_socket_custom"
	disconnection "wit_component/ws_host_socket_disconnection"
	handshake "wit_component/ws_host_socket_handshake"
	requests "wit_component/ws_host_socket_requests"
	tags "wit_component/ws_host_socket_tags"
	timers "wit_component/ws_host_socket_timers"
	topics "wit_component/ws_host_socket_topics"
	types "wit_component/ws_host_socket_types"
)

var (
	count     uint64
	lastCause string
	events    int
)

// Runs the garbage collector, which is otherwise off (collector.go), after every 4096th event.
func collect() {
	if events++; events%4096 == 0 {
		runtime.GC()
	}
}

func done(result Result[Unit, string]) {
	if result.IsErr() {
		fmt.Fprintln(os.Stderr, "not done:", result.Err())
	}
}

func say(to uint64, line string) { done(clients.SendText(to, line)) }

func text(line string) types.Message { return types.MakeMessageText(line) }

var none = None[*clients.SendOptions]()

func Connected(client uint64) bool {
	defer collect()
	if requests.Query(client).SomeOr("") == "refused" {
		done(handshake.SetStatus(client, 401))
		done(handshake.AddHeader(client, "www-authenticate", "Test"))
		done(handshake.SetBody(client, "text/plain; charset=utf-8", []uint8("who are you?\n")))
		return false
	}
	if slices.Contains(requests.OfferedSubprotocols(client), "second") {
		done(handshake.ChooseSubprotocol(client, "second"))
	}
	done(handshake.AddHeader(client, "x-written-in", "go"))
	done(topics.Subscribe(client, "all"))
	return true
}

func ReceivedText(client uint64, message string) {
	defer collect()
	count++
	command, rest, _ := strings.Cut(message, " ")
	switch command {
	case "fragments":
		options := clients.MakeSendOptions()
		defer options.Drop()
		done(options.SetCompression("never"))
		done(options.SetMaxFrame(Some[uint32](4)))
		done(clients.Send(client, text(rest), Some(options)))
	case "others":
		options := clients.MakeSendOptions()
		defer options.Drop()
		done(options.SetExcept([]uint64{client}))
		missed := clients.Broadcast(clients.ConnectedClients(), text(rest), Some(options))
		say(client, fmt.Sprintf("missed: %d", len(missed)))
	case "publish":
		done(topics.Publish("all", types.MakeMessageBinary([]uint8(rest)), none))
	case "timer":
		done(timers.Set(client, 1))
	case "tag":
		done(tags.Tag(client, rest))
		say(client, "tags: "+strings.Join(tags.TagsOf(client), ","))
	case "close":
		code, _ := strconv.ParseUint(rest, 10, 16)
		if closed := clients.Close(client, uint16(code), "as you like"); closed.IsErr() {
			say(client, "not closed: "+closed.Err())
		}
	case "about":
		path, header := requests.Path(client), requests.Header(client, "x-test")
		say(client, path.SomeOr("")+" "+header.SomeOr(""))
	case "cause":
		say(client, lastCause)
	case "count":
		say(client, strconv.FormatUint(count, 10))
	default:
		say(client, message)
	}
}

func ReceivedBinary(client uint64, message []uint8) {
	defer collect()
	done(clients.SendBinary(client, message))
}

func ReceivedPong(client uint64, _ []uint8) { say(client, "pong") }

func Disconnected(client uint64) {
	cause, code := disconnection.Cause(client), disconnection.Code(client)
	lastCause = fmt.Sprintf("%s %d", cause.SomeOr(""), code.SomeOr(0))
}

func Suspend() Option[[]uint8] { return Some([]uint8(strconv.FormatUint(count, 10))) }

func Resume(state Option[[]uint8]) Result[Unit, string] {
	if state.IsSome() {
		number, err := strconv.ParseUint(string(state.Some()), 10, 64)
		if err != nil {
			return Err[Unit](err.Error())
		}
		count = number
	}
	return Ok[Unit, string](Unit{})
}

func Fired(timer uint64) { say(timer, "fired") }

func ReceivedCustom(message []uint8) Result[[]uint8, string] {
	if len(message) == 0 {
		return Err[[]uint8]("nothing was said")
	}
	answer := custom.Kind().SomeOr("") + ": " + string(message)
	return Ok[[]uint8, string]([]uint8(answer))
}

// With these bindings, `burst.Next` costs more than an event of its own.
func ReceivedBurst(client uint64) {
	for next := burst.NextMany(); next.IsSome(); next = burst.NextMany() {
		switch messages := next.Some(); messages.Tag() {
		case burst.Messages_Text:
			texts, ends := messages.Text().F0, messages.Text().F1
			each(ends, func(start, end uint32) { ReceivedText(client, texts[start:end]) })
		case burst.Messages_Binary:
			contents, ends := messages.Binary().F0, messages.Binary().F1
			each(ends, func(start, end uint32) { ReceivedBinary(client, contents[start:end]) })
		}
	}
}

// The host has begun the first of the messages that end here, and begins each later one if it may be handled now.
func each(ends []uint32, received func(start, end uint32)) {
	start := uint32(0)
	for i, end := range ends {
		if i > 0 && !burst.Advance() {
			return
		}
		received(start, end)
		start = end
	}
}

func Drained(client uint64) { say(client, "drained") }

func Expiring(client uint64) { say(client, "expiring") }

func Stopping() { clients.Broadcast(clients.ConnectedClients(), text("stopping"), none) }
