package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"

	"nhooyr.io/websocket"
)

// nhooyr.io/websocket, now github.com/coder/websocket, which uses net/http's client.
type nhooyrClient struct{ trust *tls.Config }

type nhooyrSocket struct {
	connection *websocket.Conn
	end        *closed
}

func (client nhooyrClient) open(url string, subprotocols []string) (socket, error) {
	connection, _, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{
		HTTPClient:      &http.Client{Transport: &http.Transport{TLSClientConfig: client.trust}},
		Subprotocols:    subprotocols,
		CompressionMode: websocket.CompressionContextTakeover,
	})
	if err != nil {
		return nil, err
	}
	// The largest message of the plan exceeds the default limit.
	connection.SetReadLimit(1 << 21)
	return &nhooyrSocket{connection: connection}, nil
}

func (open *nhooyrSocket) send(sent message) error {
	kind := websocket.MessageBinary
	if sent.isText {
		kind = websocket.MessageText
	}
	return open.connection.Write(context.Background(), kind, sent.data)
}

func (open *nhooyrSocket) receive() (message, error) {
	kind, data, err := open.connection.Read(context.Background())
	var end websocket.CloseError
	if errors.As(err, &end) {
		return message{}, closed{int(end.Code), end.Reason}
	}
	return message{kind == websocket.MessageText, data}, err
}

func (open *nhooyrSocket) close(code int, reason string) error {
	// Close waits for the answer, and fails if the answer has another code.
	err := open.connection.Close(websocket.StatusCode(code), reason)
	open.end = &closed{code, reason}
	return err
}

func (open *nhooyrSocket) closed() (closed, error) {
	if open.end != nil {
		return *open.end, nil
	}
	_, err := open.receive()
	var end closed
	if !errors.As(err, &end) {
		return end, err
	}
	return end, nil
}

func (open *nhooyrSocket) subprotocol() string { return open.connection.Subprotocol() }
