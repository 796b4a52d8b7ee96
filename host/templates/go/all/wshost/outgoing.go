package wshost

// WebSockets that the handler opens: it is the client of other servers, for example as a bridge or a bot. The
// configuration must grant each server: `grant = ["wss://api.example.com"]`.

// Why a WebSocket may not be opened. [ErrTooLong] is another reason.
const (
	// ErrNotGranted: the configuration does not grant this server. The log says what to add to `grant`.
	ErrNotGranted = Error("not-granted")
	// ErrInvalidURL: the URL is not a WebSocket URL. It must begin with wss:// or ws://.
	ErrInvalidURL = Error("invalid-url")
	// ErrInvalidSubprotocol: the name of a subprotocol is not valid.
	ErrInvalidSubprotocol = Error("invalid-subprotocol")
	// ErrInvalidHeader: a header is not valid, or only the host may set it.
	ErrInvalidHeader = Error("invalid-header")
	// ErrTooMany: the instance has 16 connections, or all instances of the resource have 1,024.
	ErrTooMany = Error("too-many")
	// ErrStopping: the resource is no longer served.
	ErrStopping = Error("stopping")
)

// ConnectOptions says how a WebSocket is opened. Its zero value has the defaults.
type ConnectOptions struct {
	// Subprotocols are offered to the server. It chooses at most one of them, which [Request.Subprotocol] returns.
	Subprotocols []string
	// Headers are added to the request, for example "authorization".
	Headers []Header
}

// open makes the options in the host.
func (o ConnectOptions) open() (has, handle uint32, err error) {
	if len(o.Subprotocols) == 0 && len(o.Headers) == 0 {
		return 0, 0, nil
	}
	handle = newConnectOptions()
	for _, name := range o.Subprotocols {
		if err == nil {
			addSubprotocol(handle, utf8Of(name), area())
			err = resultError()
		}
	}
	for _, header := range o.Headers {
		if err == nil {
			addConnectHeader(handle, utf8Of(header.Name), passed(header.Value), area())
			err = resultError()
		}
	}
	if err != nil {
		dropConnectOptions(handle)
		return 0, 0, err
	}
	return 1, handle, nil
}

// Connect begins to open a WebSocket, and returns its connection at once. It is used like a client: what is sent waits
// until it is open, what the server sends arrives in ReceivedText and ReceivedBinary, and Disconnected is its last event.
// Connected is not called for it. If it cannot be opened, Disconnected is called with the cause "not-opened", and the
// reason says why.
func Connect(url string, options ConnectOptions) (Client, error) {
	has, handle, err := options.open()
	if err != nil {
		return 0, err
	}
	connectTo(utf8Of(url), has, handle, area())
	if has != 0 {
		dropConnectOptions(handle)
	}
	if resultByte(0) != 0 {
		return 0, Error(stringFrom(resultWord(8), resultWord(12)))
	}
	return Client(results[1]), nil
}

// Connections returns the connections that this instance has opened, or is opening. [Clients] does not return them.
func Connections() []Client {
	outgoingConnections(area())
	return resultClients()
}

// URL is the URL of a connection that [Connect] opened. It is false for a client.
func (c Client) URL() (string, bool) {
	outgoingURL(uint64(c), area())
	return resultString()
}
