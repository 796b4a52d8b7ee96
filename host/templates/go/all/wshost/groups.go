package wshost

// Topics reach all subscribers of a resource, and tags all clients with the tag, whichever instance they belong to. The
// name of a topic, and a tag, has 1 to 255 bytes.

// Subscribe subscribes the client to a topic.
func (c Client) Subscribe(topic string) error {
	subscribe(uint64(c), utf8Of(topic), area())
	return resultError()
}

// Unsubscribe returns whether the client was subscribed.
func (c Client) Unsubscribe(topic string) bool { return unsubscribe(uint64(c), utf8Of(topic)) != 0 }

// UnsubscribeAll returns how many subscriptions the client had.
func (c Client) UnsubscribeAll() int { return int(unsubscribeAll(uint64(c))) }

// Topics are the topics to which the client is subscribed, in alphabetical order.
func (c Client) Topics() []string {
	topicsOf(uint64(c), area())
	return resultStrings()
}

// Subscribers is how many clients of the resource are subscribed to a topic.
func Subscribers(topic string) int { return int(subscribers(utf8Of(topic))) }

// Publish sends a message to all subscribers of a topic. A subscriber that has no room misses it.
func Publish(topic string, message Message, options SendOptions) error {
	has, handle, err := options.open()
	if err != nil {
		return err
	}
	defer closeOptions(has, handle)
	kind, content := message.parts()
	publish(utf8Of(topic), kind, content, has, handle, area())
	return resultError()
}

// Tag gives the client a tag, under which any instance of the resource, and the operator, find it.
func (c Client) Tag(tag string) error {
	addTag(uint64(c), utf8Of(tag), area())
	return resultError()
}

// Untag returns whether the client had the tag.
func (c Client) Untag(tag string) bool { return removeTag(uint64(c), utf8Of(tag)) != 0 }

// Tags are the client's tags, in alphabetical order.
func (c Client) Tags() []string {
	tagsOf(uint64(c), area())
	return resultStrings()
}

// Tagged returns the open clients of this instance that have the tag.
func Tagged(tag string) []Client {
	clientsOf(utf8Of(tag), area())
	return resultClients()
}

// SendTagged sends a message to all clients of the resource that have the tag.
func SendTagged(tag string, message Message, options SendOptions) error {
	has, handle, err := options.open()
	if err != nil {
		return err
	}
	defer closeOptions(has, handle)
	kind, content := message.parts()
	sendTagged(utf8Of(tag), kind, content, has, handle, area())
	return resultError()
}

// CloseTagged closes all clients of the resource that have the tag, as [Client.Close] does.
func CloseTagged(tag string, code uint16, reason string) error {
	closeTagged(utf8Of(tag), uint32(code), utf8Of(reason), area())
	return resultError()
}
