package wshost

import "strconv"

// Client is one WebSocket connection. The number stays valid, and is never used for another client, until Disconnected
// has returned. It is below 2^53, so that it is exact in every language.
type Client uint64

// String is "client N", for logs.
func (c Client) String() string { return "client " + strconv.FormatUint(uint64(c), 10) }

// Error is why the host did not do something: one of the words of its contract. More words may be added.
type Error string

func (e Error) Error() string { return string(e) }

// Why a message was not sent. No part of it was sent.
const (
	// ErrClosed: the client is closing or closed, or is not a client of this instance.
	ErrClosed = Error("closed")
	// ErrFull: the client has not yet read earlier messages, or the host has no memory left for output that waits.
	// A handler that is [Draining] is called when there is room again.
	ErrFull = Error("full")
	// ErrTooLong: the message can never be sent; it is longer than the whole outbound buffer.
	ErrTooLong = Error("too-long")
	// ErrUnsupported: the client speaks a draft of the protocol that has no such messages.
	ErrUnsupported = Error("unsupported")
)

// SendText sends a text message. It never waits. As in all texts for the host, U+FFFD replaces what is not UTF-8.
func (c Client) SendText(message string) error {
	sendText(uint64(c), utf8Of(message), area())
	return resultError()
}

// SendBinary sends a binary message. It never waits.
func (c Client) SendBinary(message []byte) error {
	sendBinary(uint64(c), passed(message), area())
	return resultError()
}

// Send sends a message of either kind with options.
func (c Client) Send(message Message, options SendOptions) error {
	has, handle, err := options.open()
	if err != nil {
		return err
	}
	defer closeOptions(has, handle)
	kind, content := message.parts()
	send(uint64(c), kind, content, has, handle, area())
	return resultError()
}

// Ping sends a ping with at most 125 bytes. The answer arrives in ReceivedPong.
func (c Client) Ping(payload []byte) error {
	ping(uint64(c), passed(payload), area())
	return resultError()
}

// Pong sends an unsolicited pong with at most 125 bytes. The host itself answers the client's pings.
func (c Client) Pong(payload []byte) error {
	pong(uint64(c), passed(payload), area())
	return resultError()
}

// Close starts the closing handshake, after everything that was sent before. The only event of the client that still
// arrives is Disconnected. Codes are 1000 to 1003, 1007 to 1014 and 3000 to 4999; a reason has at most 123 bytes.
func (c Client) Close(code uint16, reason string) error {
	closeClient(uint64(c), uint32(code), utf8Of(reason), area())
	return resultError()
}

// Abort drops the connection without a closing handshake. It returns whether there was one.
func (c Client) Abort() bool { return abort(uint64(c)) != 0 }

// Buffered is how many bytes wait in the host to be written to the client. It is false for a client that is closed.
func (c Client) Buffered() (uint64, bool) {
	buffered(uint64(c), area())
	return resultUint64()
}

// Attach stores up to 16 KiB with the client in the host, in place of what was stored before. It outlives a reload, a
// fault and hibernation.
func (c Client) Attach(attachment []byte) error {
	attach(uint64(c), passed(attachment), area())
	return resultError()
}

// Attachment is what Attach stored, or nil.
func (c Client) Attachment() []byte {
	attachment(uint64(c), area())
	bytes, _ := resultBytes()
	return bytes
}

// Clients returns the open clients of this instance, in the order in which they connected.
func Clients() []Client {
	connectedClients(area())
	return resultClients()
}
