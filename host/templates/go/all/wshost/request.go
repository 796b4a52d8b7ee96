package wshost

import "net/url"

// Request is the request with which a client asked to connect. It can be read from Connected to the end of Disconnected.
type Request struct{ client Client }

// Request is the request with which the client asked to connect.
func (c Client) Request() Request { return Request{c} }

// ResourceName is the name of the resource in the configuration.
func (r Request) ResourceName() string {
	requestResourceName(uint64(r.client), area())
	text, _ := resultString()
	return text
}

// Path is the path, at least "/".
func (r Request) Path() string {
	requestPath(uint64(r.client), area())
	text, _ := resultString()
	return text
}

// Query is the part of the URL after the "?", as the client wrote it.
func (r Request) Query() string {
	requestQuery(uint64(r.client), area())
	text, _ := resultString()
	return text
}

// Subprotocol is the subprotocol that was agreed on. It is empty before Connected has returned.
func (r Request) Subprotocol() string {
	requestSubprotocol(uint64(r.client), area())
	text, _ := resultString()
	return text
}

// Origin is the origin of the web page that connects, if a browser sends it.
func (r Request) Origin() string {
	requestOrigin(uint64(r.client), area())
	text, _ := resultString()
	return text
}

// HTTPVersion is the version of HTTP: 1.1 or 2.
func (r Request) HTTPVersion() string {
	requestHTTPVersion(uint64(r.client), area())
	text, _ := resultString()
	return text
}

// ClientAddress is the IP address of the client, as a trusted proxy states it.
func (r Request) ClientAddress() string {
	requestClientAddress(uint64(r.client), area())
	text, _ := resultString()
	return text
}

// PeerAddress is the IP address of the other end of the connection.
func (r Request) PeerAddress() string {
	requestPeerAddress(uint64(r.client), area())
	text, _ := resultString()
	return text
}

// LocalAddress is the IP address of the host's end of the connection.
func (r Request) LocalAddress() string {
	requestLocalAddress(uint64(r.client), area())
	text, _ := resultString()
	return text
}

// ServerName is the server name that the client asked for in TLS.
func (r Request) ServerName() string {
	requestServerName(uint64(r.client), area())
	text, _ := resultString()
	return text
}

// CertificateFingerprint is the SHA-256 of the client's certificate in hexadecimal digits.
func (r Request) CertificateFingerprint() string {
	requestCertificateFingerprint(uint64(r.client), area())
	text, _ := resultString()
	return text
}

// CertificateSubject is the subject of the client's certificate: CN=alice,O=Example.
func (r Request) CertificateSubject() string {
	requestCertificateSubject(uint64(r.client), area())
	text, _ := resultString()
	return text
}

// QueryValues are the names and values of the query, decoded as those of a form.
func (r Request) QueryValues() url.Values {
	values, _ := url.ParseQuery(r.Query())
	return values
}

// Parameter is the value of a parameter of the resource's path pattern: "blue" for "name", with the pattern /room/{name}
// and the path /room/blue.
func (r Request) Parameter(name string) (string, bool) {
	requestParameter(uint64(r.client), utf8Of(name), area())
	return resultString()
}

// Parameters are the names and values of all parameters of the path pattern, in its order.
func (r Request) Parameters() [][2]string {
	requestParameters(uint64(r.client), area())
	elements := resultElements(2)
	pairs := make([][2]string, len(elements)/2)
	for i := range pairs {
		name, value := elements[2*i], elements[2*i+1]
		pairs[i] = [2]string{stringFrom(name.at, name.length), stringFrom(value.at, value.length)}
	}
	return pairs
}

// Header is the first header of this name whose value is text.
func (r Request) Header(name string) (string, bool) {
	requestHeader(uint64(r.client), utf8Of(name), area())
	return resultString()
}

// Header is a header of a request. Its name is in lower case; its value need not be text.
type Header struct {
	Name  string
	Value []byte
}

// Headers are all headers, in the order in which they came.
func (r Request) Headers() []Header {
	requestHeaders(uint64(r.client), area())
	elements := resultElements(2)
	headers := make([]Header, len(elements)/2)
	for i := range headers {
		name, value := elements[2*i], elements[2*i+1]
		headers[i] = Header{stringFrom(name.at, name.length), bytesFrom(value.at, value.length)}
	}
	return headers
}

// OfferedSubprotocols are the subprotocols that the client offered, in its order of preference.
func (r Request) OfferedSubprotocols() []string {
	requestOfferedSubprotocols(uint64(r.client), area())
	return resultStrings()
}

// ProtocolVersion is the version of the WebSocket protocol: 13, or that of an old draft.
func (r Request) ProtocolVersion() uint16 {
	requestProtocolVersion(uint64(r.client), area())
	version, _ := resultUint16()
	return version
}

// PeerPort is the port of the other end of the connection; 0 on a unix socket.
func (r Request) PeerPort() uint16 {
	requestPeerPort(uint64(r.client), area())
	port, _ := resultUint16()
	return port
}

// LocalPort is the port of the host's end of the connection; 0 on a unix socket.
func (r Request) LocalPort() uint16 {
	requestLocalPort(uint64(r.client), area())
	port, _ := resultUint16()
	return port
}

// Secure is whether the connection is encrypted, at least between the client and a trusted proxy.
func (r Request) Secure() bool { return requestSecure(uint64(r.client)) != 0 }

// Certificate is the client's verified certificate in DER, or nil.
func (r Request) Certificate() []byte {
	requestCertificate(uint64(r.client), area())
	der, _ := resultBytes()
	return der
}

// CertificateNames are the alternative names of the client's certificate, each with its kind: dns:example.com.
func (r Request) CertificateNames() []string {
	requestCertificateNames(uint64(r.client), area())
	return resultStrings()
}
