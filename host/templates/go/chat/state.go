package main

import (
	"encoding/json"

	"example/{{name}}/wshost"
)

// Suspend returns the state for the instance that takes over.
func (c *chat) Suspend() ([]byte, error) { return json.Marshal(c) }

// Resume takes over from an earlier instance.
func (c *chat) Resume(state []byte) error {
	if state != nil {
		return json.Unmarshal(state, c)
	}
	// The names are lost, after a fault for example. The clients are still there.
	for _, client := range wshost.Clients() {
		c.Arrivals++
		c.People = append(c.People, person{client, c.guestName()})
	}
	return nil
}
