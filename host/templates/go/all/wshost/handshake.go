package wshost

import "fmt"

// Handshake responds to the request of a client. It works only while Connected runs.
type Handshake struct{ client Client }

// ChooseSubprotocol chooses one of the subprotocols that the client offered.
func (h Handshake) ChooseSubprotocol(name string) error {
	chooseSubprotocol(uint64(h.client), utf8Of(name), area())
	return resultError()
}

// AddHeader adds a header to the response, whether the client is accepted or refused.
func (h Handshake) AddHeader(name, value string) error {
	addHeader(uint64(h.client), utf8Of(name), utf8Of(value), area())
	return resultError()
}

// Rejection is an error of Connected: the HTTP response that the client gets instead of a connection.
type Rejection struct {
	// Status is 300 to 599.
	Status uint16
	// ContentType is the media type of the body. Without one, it is text/plain; charset=utf-8.
	ContentType string
	// Body has at most 64 KiB.
	Body []byte
}

// Reject is a [Rejection] with a text.
func Reject(status uint16, body string) error {
	return &Rejection{Status: status, Body: []byte(body)}
}

func (r *Rejection) Error() string { return fmt.Sprintf("refused with %d: %s", r.Status, r.Body) }

func (r *Rejection) respond(client Client) error {
	setStatus(uint64(client), uint32(r.Status), area())
	if err := resultError(); err != nil {
		return err
	}
	if len(r.Body) == 0 {
		return nil
	}
	contentType := r.ContentType
	if contentType == "" {
		contentType = "text/plain; charset=utf-8"
	}
	setBody(uint64(client), utf8Of(contentType), passed(r.Body), area())
	return resultError()
}
