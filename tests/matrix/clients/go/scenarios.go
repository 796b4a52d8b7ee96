package main

import (
	"bytes"
	"fmt"
	"strings"
)

// A message, sent or received.
type message struct {
	isText bool
	data   []byte
}

// An open WebSocket.
type socket interface {
	send(message) error
	// Returns a `closed` as the error when a close frame arrives.
	receive() (message, error)
	// Begins the closing handshake. Returns notApplicable if the client cannot choose the code.
	close(code int, reason string) error
	// Waits for the server's close frame, whether or not close was called.
	closed() (closed, error)
	subprotocol() string
}

// A client library.
type client interface {
	open(url string, subprotocols []string) (socket, error)
}

// The received close frame. The code is 0 if the client does not report it.
type closed struct {
	code   int
	reason string
}

func (end closed) Error() string { return fmt.Sprintf("closed with %d %q", end.code, end.reason) }

// By design, the client cannot do this.
type notApplicable string

func (why notApplicable) Error() string { return string(why) }

const phrase = "grüße, 世界, 🦀 "

func text(text string) message { return message{true, []byte(text)} }

// Returns a text of `size` bytes, not only ASCII.
func textOf(size int) message {
	return text(strings.Repeat(phrase, size/len(phrase)) + strings.Repeat("x", size%len(phrase)))
}

func bytesOf(size int) message {
	data := make([]byte, size)
	for index := range data {
		data[index] = byte(index * 31)
	}
	return message{false, data}
}

func play(chosen client, asked plan, scenario string) error {
	var offered []string
	if scenario == "subprotocol" {
		offered = []string{"first.v1", "second.v2"}
	}
	open, err := chosen.open(asked.URLs[scenario], offered)
	if scenario == "refused" {
		if err == nil {
			return fmt.Errorf("opened although the server refuses it")
		}
		return nil
	}
	if err != nil {
		return err
	}
	switch scenario {
	case "text":
		err = echoesOfAll(open, asked.Sizes, textOf)
	case "binary":
		err = echoesOfAll(open, asked.Sizes, bytesOf)
	case "in flight":
		err = inFlight(open)
	case "subprotocol":
		if chosen := open.subprotocol(); chosen != "second.v2" {
			return fmt.Errorf("the chosen subprotocol is %q", chosen)
		}
		err = expect(open, text("welcome"))
	case "ping":
		if err = open.send(text("are you there?")); err == nil {
			err = expect(open, text("pong are you there?"))
		}
	case "client closes":
		return leave(open, 4001, "enough 🦀")
	case "server closes":
		return serverCloses(open)
	case "compressed", "compressed with context":
		return compressed(open)
	case "wss":
		sizes := []int{1, 126, 65536, 300000}
		if err = echoesOfAll(open, sizes, textOf); err == nil {
			err = echoesOfAll(open, sizes, bytesOf)
		}
	default:
		return fmt.Errorf("unknown scenario %s", scenario)
	}
	if err != nil {
		return err
	}
	return leave(open, 1000, "")
}

func leave(open socket, code int, reason string) error {
	if err := open.close(code, reason); err != nil {
		return err
	}
	end, err := open.closed()
	if err == nil && end.code != 0 && end.code != code {
		return fmt.Errorf("%d was answered with %d", code, end.code)
	}
	return err
}

func serverCloses(open socket) error {
	if err := open.send(text("close 4002 not today 🦀")); err != nil {
		return err
	}
	end, err := open.closed()
	if err != nil {
		return err
	}
	if end.code == 0 {
		return notApplicable("notices the close but does not report the code")
	}
	if end != (closed{4002, "not today 🦀"}) {
		return end
	}
	return nil
}

func compressed(open socket) error {
	if err := open.send(text("request")); err != nil {
		return err
	}
	request, err := open.receive()
	if err != nil {
		return err
	}
	for round := 0; round < 20; round++ {
		if err := echoes(open, textOf(300*round)); err != nil {
			return err
		}
	}
	for _, long := range []message{textOf(200000), text("short")} {
		if err := echoes(open, long); err != nil {
			return err
		}
	}
	if err := leave(open, 1000, ""); err != nil {
		return err
	}
	if !bytes.Contains(request.data, []byte("sec-websocket-extensions")) {
		return notApplicable("offers no compression and is served uncompressed")
	}
	return nil
}

func inFlight(open socket) error {
	sent := make([]message, 500)
	for number := range sent {
		sent[number] = text(fmt.Sprint(number, " ", string(textOf(number*7%300).data)))
		if err := open.send(sent[number]); err != nil {
			return err
		}
	}
	for _, next := range sent {
		if err := expect(open, next); err != nil {
			return err
		}
	}
	return nil
}

func echoesOfAll(open socket, sizes []int, of func(int) message) error {
	for _, size := range sizes {
		if err := echoes(open, of(size)); err != nil {
			return err
		}
	}
	return nil
}

func echoes(open socket, sent message) error {
	if err := open.send(sent); err != nil {
		return err
	}
	return expect(open, sent)
}

func expect(open socket, expected message) error {
	received, err := open.receive()
	if err != nil {
		return err
	}
	if received.isText != expected.isText || !bytes.Equal(received.data, expected.data) {
		return fmt.Errorf("expected %d bytes (text %t), got %d (text %t)",
			len(expected.data), expected.isText, len(received.data), received.isText)
	}
	return nil
}
