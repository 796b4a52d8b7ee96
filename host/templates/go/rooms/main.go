// {{name}}: chat rooms. Each path /room/NAME is a room with an instance of its own. Its last lines are its state, which
// outlives hibernation and reloads.
package main

import (
	"encoding/json"
	"fmt"

	"example/{{name}}/wshost"
)

// kept is how many lines a new client gets.
const kept = 20

type room struct {
	wshost.Defaults

	lines []string
}

func (r *room) Connected(client wshost.Client, _ wshost.Handshake) error {
	name, _ := client.Request().Parameter("id")
	if err := client.SendText(fmt.Sprintf("* room %s, %d here", name, len(wshost.Clients()))); err != nil {
		return err
	}
	for _, line := range r.lines {
		if err := client.SendText(line); err != nil {
			return err
		}
	}
	return nil
}

func (r *room) ReceivedText(_ wshost.Client, line string) error {
	r.lines = append(r.lines, line)
	if len(r.lines) > kept {
		r.lines = r.lines[len(r.lines)-kept:]
	}
	wshost.BroadcastText(wshost.Clients(), line)
	return nil
}

func (r *room) ReceivedBinary(client wshost.Client, _ []byte) error {
	return client.Close(1003, "this is a chat: text only")
}

// Suspend returns the state for the instance that takes over.
func (r *room) Suspend() ([]byte, error) { return json.Marshal(r.lines) }

// Resume takes over from an earlier instance. After a fault there is no state, and the room is empty.
func (r *room) Resume(state []byte) error {
	if state == nil {
		return nil
	}
	return json.Unmarshal(state, &r.lines)
}

// The host calls func init of each instance, and never func main.
func init() { wshost.Serve(&room{}) }

func main() {}
