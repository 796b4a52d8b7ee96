// Package wshost is for WebSocket handlers that ws-host serves.
//
//	type Echo struct{ wshost.Defaults }
//
//	func (*Echo) ReceivedText(client wshost.Client, message string) error {
//		return client.SendText(message)
//	}
//
//	func init() { wshost.Serve(&Echo{}) }
//
//	func main() {}
//
// The value that is served is the state of one instance. Events arrive one at a time, so it needs no locks. What is
// printed to standard output or standard error appears in the host's log.
//
// A panic in an event goes to the log with its stack, and closes the client of the event with 1011. The instance and its
// state live on. What Go itself cannot recover from, such as a stack overflow, ends the instance.
package wshost

// Handler gets the events of the clients of one resource. Embed [Defaults] and write the methods that you need.
//
// An error that a method returns goes to the log, and closes the client of the event with 1011. For Connected, it refuses
// the client: with the status and the text of a [Rejection], and with 500 for any other error.
//
// There are more events for handlers that have their methods: [Stateful], [Timed], [Draining], [Expiring], [Stopping]
// and [Custom].
type Handler interface {
	// Connected is called for each client that asks to connect. What is sent to it here follows right after the handshake.
	Connected(client Client, handshake Handshake) error

	// ReceivedText is called for each text message.
	ReceivedText(client Client, message string) error

	// ReceivedBinary is called for each binary message.
	ReceivedBinary(client Client, message []byte) error

	// ReceivedPong is called for each pong, whether it answers a ping or is unsolicited.
	ReceivedPong(client Client, payload []byte) error

	// Disconnected is called as the last event of a client. Its request and its attachment can still be read.
	Disconnected(client Client, how Disconnection)
}

// Stateful is a handler whose state outlives its instance: a hot reload, hibernation, and, with `checkpoint` in the
// configuration, a fault. [StateReason] tells why a method is called.
type Stateful interface {
	// Suspend returns the state for the instance that takes over. With nil, or an error, there is none: a reload starts
	// over, and the instance is not hibernated.
	Suspend() ([]byte, error)

	// Resume takes over from an earlier instance. It is the first event of each instance that replaces another. The state
	// is nil if the earlier instance had none, or ended with a fault; [Clients] returns who is connected. An error means
	// that the state cannot be used, and the code that made it then continues.
	Resume(state []byte) error
}

// Timed is a handler that sets timers with [SetTimer].
type Timed interface {
	// Fired is called once for each timer that is due. The timer may be set again here. An error goes to the log.
	Fired(timer uint64) error
}

// Draining is a handler that continues to send when there is room for a client again.
type Draining interface {
	// Drained is called when there is room again after sending to the client has returned [ErrFull].
	Drained(client Client) error
}

// Expiring is a handler that wants a call before a client reaches the time that [Client.Expire] set.
type Expiring interface {
	// Expiring is called once before the client expires, for example to ask it for a new token.
	Expiring(client Client) error
}

// Stopping is a handler that acts before its clients are closed because the server stops.
type Stopping interface {
	// Stopping is called while the clients are still open. They are closed when it returns. An error goes to the log.
	Stopping() error
}

// Custom is a handler that takes messages of the operator (`POST /resources/NAME/messages` at the admin address), or of
// the program that embeds the host.
type Custom interface {
	// ReceivedCustom returns the reply to the sender. The text of an error goes to the sender too.
	ReceivedCustom(message []byte, about CustomMessage) ([]byte, error)
}

// Defaults has all methods of [Handler], for handlers to embed: it accepts each client, closes clients that send messages
// with 1003, and does nothing else.
type Defaults struct{}

// Connected accepts the client.
func (Defaults) Connected(Client, Handshake) error { return nil }

// ReceivedText closes the client with 1003: text is not expected here.
func (Defaults) ReceivedText(client Client, _ string) error {
	return client.Close(1003, "this resource takes no text")
}

// ReceivedBinary closes the client with 1003: binary messages are not expected here.
func (Defaults) ReceivedBinary(client Client, _ []byte) error {
	return client.Close(1003, "this resource takes no binary messages")
}

// ReceivedPong does nothing.
func (Defaults) ReceivedPong(Client, []byte) error { return nil }

// Disconnected does nothing.
func (Defaults) Disconnected(Client, Disconnection) {}

var handler Handler = Defaults{}

// Serve makes h the handler of this component. Call it in func init: the host does not call func main.
func Serve(h Handler) { handler = h }
