// {{name}}: a chat room. Each client gets a name, may change it, and receives what the others say.
package main

import (
	"strings"

	"example/{{name}}/wshost"
)

// The values of chat are its state, which outlives the instance: Suspend and Resume in state.go.
type chat struct {
	wshost.Defaults

	Arrivals  int
	People    []person
	Reminders map[uint64]reminder
	LastTimer uint64
}

// A person in the chat, in the order in which they arrived.
type person struct {
	Client wshost.Client
	Name   string
}

func (c *chat) Connected(client wshost.Client, _ wshost.Handshake) error {
	values := client.Request().QueryValues()
	name := strings.TrimSpace(values.Get("name"))
	if values.Has("name") {
		switch err := c.check(name, client); err {
		case nil:
		case errTaken:
			return wshost.Reject(409, err.Error()+"\n")
		default:
			return wshost.Reject(400, err.Error()+"\n")
		}
	}
	c.Arrivals++
	if !values.Has("name") {
		name = c.guestName()
	}
	if err := client.SendText("* you are " + name); err != nil {
		return err
	}
	if len(c.People) > 0 {
		if err := client.SendText("* here: " + strings.Join(c.names(), ", ")); err != nil {
			return err
		}
	}
	c.sendToAll("* " + name + " joined")
	c.People = append(c.People, person{client, name})
	return nil
}

func (c *chat) ReceivedText(client wshost.Client, message string) error {
	sender := c.find(client)
	line := strings.TrimSpace(message)
	if sender == nil || line == "" {
		return nil
	}
	command, arguments, _ := strings.Cut(line, " ")
	switch command {
	case "/name":
		return c.rename(sender, strings.TrimSpace(arguments))
	case "/remind":
		return c.remind(client, arguments)
	}
	c.sendToAll(sender.Name + ": " + line)
	return nil
}

func (c *chat) ReceivedBinary(client wshost.Client, _ []byte) error {
	return client.Close(1003, "this is a chat: text only")
}

func (c *chat) Disconnected(client wshost.Client, _ wshost.Disconnection) {
	for i, person := range c.People {
		if person.Client == client {
			c.People = append(c.People[:i], c.People[i+1:]...)
			c.sendToAll("* " + person.Name + " left")
			return
		}
	}
}

func (c *chat) rename(sender *person, name string) error {
	if err := c.check(name, sender.Client); err != nil {
		return sender.Client.SendText("! " + err.Error())
	}
	old := sender.Name
	sender.Name = name
	c.sendToAll("* " + old + " is now " + name)
	return nil
}

func (c *chat) find(client wshost.Client) *person {
	for i := range c.People {
		if c.People[i].Client == client {
			return &c.People[i]
		}
	}
	return nil
}

// sendToAll sends a line to everybody. A client that reads too slowly misses it: the chat waits for nobody.
func (c *chat) sendToAll(line string) {
	clients := make([]wshost.Client, len(c.People))
	for i, person := range c.People {
		clients[i] = person.Client
	}
	wshost.BroadcastText(clients, line)
}

// The host calls func init of each instance, and never func main.
func init() { wshost.Serve(&chat{Reminders: map[uint64]reminder{}}) }

func main() {}
