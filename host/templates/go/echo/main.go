// {{name}} sends each message back to the client that sent it.
package main

import "example/{{name}}/wshost"

type echo struct{ wshost.Defaults }

func (echo) ReceivedText(client wshost.Client, message string) error {
	return client.SendText(message)
}

func (echo) ReceivedBinary(client wshost.Client, message []byte) error {
	return client.SendBinary(message)
}

// The host calls func init of each instance, and never func main.
func init() { wshost.Serve(echo{}) }

func main() {}
