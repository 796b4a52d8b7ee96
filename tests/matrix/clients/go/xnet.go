package main

import (
	"crypto/tls"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/websocket"
)

// golang.org/x/net/websocket
type netClient struct{ trust *tls.Config }

type netSocket struct{ connection *websocket.Conn }

// Distinguishes text from binary messages, which the library's own codecs do not.
var codec = websocket.Codec{
	Marshal: func(value interface{}) ([]byte, byte, error) {
		sent := value.(message)
		if sent.isText {
			return sent.data, websocket.TextFrame, nil
		}
		return sent.data, websocket.BinaryFrame, nil
	},
	Unmarshal: func(data []byte, kind byte, value interface{}) error {
		*value.(*message) = message{kind == websocket.TextFrame, data}
		return nil
	},
}

func (client netClient) open(url string, subprotocols []string) (socket, error) {
	// The library requires an origin: that of a page on the same host, without a path (RFC 6454 §6.2).
	host := strings.Join(strings.SplitN(url, "/", 4)[:3], "/")
	config, err := websocket.NewConfig(url, "http"+strings.TrimPrefix(host, "ws"))
	if err != nil {
		return nil, err
	}
	config.Protocol = subprotocols
	config.TlsConfig = client.trust
	connection, err := websocket.DialConfig(config)
	if err != nil {
		return nil, err
	}
	return netSocket{connection}, nil
}

func (open netSocket) send(sent message) error { return codec.Send(open.connection, sent) }

func (open netSocket) receive() (message, error) {
	var received message
	err := codec.Receive(open.connection, &received)
	return received, err
}

func (open netSocket) close(code int, _ string) error {
	// Close does not wait for the answer.
	if err := open.connection.Close(); err != nil {
		return err
	}
	if code != 1000 {
		return notApplicable("can close only with code 1000")
	}
	return nil
}

func (open netSocket) closed() (closed, error) {
	_, err := open.receive()
	if errors.Is(err, io.EOF) {
		return closed{}, open.connection.Close()
	}
	// After Close, the library reads from the connection that it has closed.
	return closed{}, nil
}

func (open netSocket) subprotocol() string {
	return strings.Join(open.connection.Config().Protocol, ", ")
}
