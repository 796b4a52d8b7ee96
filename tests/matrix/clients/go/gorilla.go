package main

import (
	"crypto/tls"
	"errors"
	"time"

	"github.com/gorilla/websocket"
)

// github.com/gorilla/websocket
type gorillaClient struct{ trust *tls.Config }

type gorillaSocket struct{ connection *websocket.Conn }

func (client gorillaClient) open(url string, subprotocols []string) (socket, error) {
	dialer := websocket.Dialer{
		TLSClientConfig:   client.trust,
		Subprotocols:      subprotocols,
		EnableCompression: true,
	}
	connection, _, err := dialer.Dial(url, nil)
	if err != nil {
		return nil, err
	}
	return gorillaSocket{connection}, nil
}

func (open gorillaSocket) send(sent message) error {
	kind := websocket.BinaryMessage
	if sent.isText {
		kind = websocket.TextMessage
	}
	return open.connection.WriteMessage(kind, sent.data)
}

func (open gorillaSocket) receive() (message, error) {
	kind, data, err := open.connection.ReadMessage()
	var end *websocket.CloseError
	if errors.As(err, &end) {
		return message{}, closed{end.Code, end.Text}
	}
	return message{kind == websocket.TextMessage, data}, err
}

func (open gorillaSocket) close(code int, reason string) error {
	frame := websocket.FormatCloseMessage(code, reason)
	return open.connection.WriteControl(websocket.CloseMessage, frame, time.Now().Add(time.Minute))
}

func (open gorillaSocket) closed() (closed, error) {
	_, err := open.receive()
	var end closed
	if !errors.As(err, &end) {
		return end, err
	}
	return end, open.connection.Close()
}

func (open gorillaSocket) subprotocol() string { return open.connection.Subprotocol() }
