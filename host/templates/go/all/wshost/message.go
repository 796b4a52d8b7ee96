package wshost

// Message is a text or a binary message, for the functions that send either.
type Message struct {
	isBinary bool
	content  string
}

// Text is a text message.
func Text(message string) Message { return Message{content: message} }

// Binary is a binary message.
func Binary(message []byte) Message { return Message{isBinary: true, content: passed(message)} }

func (m Message) parts() (kind uint32, content string) {
	if m.isBinary {
		return 1, m.content
	}
	return 0, string(utf8Of(m.content))
}

// SendOptions says how messages are sent. Its zero value has the defaults.
type SendOptions struct {
	// Compression is "by-length" (the default), "always" or "never". Use "never" for data that is already compressed, and
	// for a message with both a secret and text of somebody else.
	Compression string
	// MaxFrame is the longest payload of a frame in bytes; a longer message goes out in fragments. 0 is no limit.
	MaxFrame uint32
	// Except is up to 1,000 clients that do not get a message that goes to many.
	Except []Client
}

// open makes the options in the host. They are freed by closeOptions.
func (o SendOptions) open() (has, handle uint32, err error) {
	if o.Compression == "" && o.MaxFrame == 0 && len(o.Except) == 0 {
		return 0, 0, nil
	}
	handle = newSendOptions()
	if o.Compression != "" {
		setCompression(handle, utf8Of(o.Compression), area())
		err = resultError()
	}
	if err == nil && o.MaxFrame != 0 {
		setMaxFrame(handle, 1, o.MaxFrame, area())
		err = resultError()
	}
	if err == nil && len(o.Except) != 0 {
		at, count := passedClients(o.Except)
		setExcept(handle, at, count, area())
		err = resultError()
	}
	if err != nil {
		dropSendOptions(handle)
		return 0, 0, err
	}
	return 1, handle, nil
}

func closeOptions(has, handle uint32) {
	if has != 0 {
		dropSendOptions(handle)
	}
}

// Broadcast sends one message to many clients of this instance. It returns those that did not get it.
func Broadcast(to []Client, message Message, options SendOptions) []Client {
	has, handle, err := options.open()
	if err != nil {
		return to
	}
	defer closeOptions(has, handle)
	at, count := passedClients(to)
	kind, content := message.parts()
	broadcast(at, count, kind, content, has, handle, area())
	return resultClients()
}

// BroadcastText sends one text message to many clients of this instance. It returns those that did not get it.
func BroadcastText(to []Client, message string) []Client {
	return Broadcast(to, Text(message), SendOptions{})
}
