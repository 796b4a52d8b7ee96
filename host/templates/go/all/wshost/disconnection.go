package wshost

// Disconnection is how a connection ended. It works only while Disconnected runs.
type Disconnection struct{ client Client }

// Cause is what ended the connection: "client", "handler", "operator", "lost", "silent", "slow", "protocol-error",
// "too-long", "handler-failed", "no-room", "expired", "moved", "stopping", or "not-opened" for a connection of [Connect]. More
// words may be added.
func (d Disconnection) Cause() string {
	disconnectionCause(uint64(d.client), area())
	cause, _ := resultString()
	return cause
}

// Code is the code of the client's close frame: 1005 if it has none, 1006 if no close frame came.
func (d Disconnection) Code() uint16 {
	disconnectionCode(uint64(d.client), area())
	code, ok := resultUint16()
	if !ok {
		return 1006
	}
	return code
}

// Reason is the reason of the client's close frame. If none came, it is the host's description, for people to read.
func (d Disconnection) Reason() string {
	disconnectionReason(uint64(d.client), area())
	reason, _ := resultString()
	return reason
}

// Clean is whether a close frame went each way.
func (d Disconnection) Clean() bool { return disconnectionClean(uint64(d.client)) != 0 }

// SentCode is the code of the close frame that was sent to the client. It is false if there was none.
func (d Disconnection) SentCode() (uint16, bool) {
	disconnectionSentCode(uint64(d.client), area())
	return resultUint16()
}

// CustomMessage is about the message that ReceivedCustom was called for.
type CustomMessage struct{}

// Kind is the kind of the message, as its sender states it, such as "application/json".
func (CustomMessage) Kind() string {
	customKind(area())
	kind, _ := resultString()
	return kind
}

// Sender is the sender of the message: "admin" for a request at the admin address.
func (CustomMessage) Sender() string {
	customSender(area())
	sender, _ := resultString()
	return sender
}
