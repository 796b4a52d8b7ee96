// A handler that uses each capability when a text message asks for it. Whatever fails is answered with the code of the
// error. It replaces main.go in a project named capabilities.
package main

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"example/capabilities/wshost"
)

type capabilities struct{ wshost.Defaults }

func answer(command, key, value string) (string, error) {
	switch command {
	case "config":
		text, ok, err := wshost.ConfigValue(key)
		if err == nil && !ok {
			text = "nothing"
		}
		return text, err
	case "config-all":
		values, err := wshost.ConfigValues()
		if err != nil {
			return "", err
		}
		text, err := json.Marshal(values)
		return string(text), err
	case "count":
		return add("numbers", key, 1)
	case "add":
		by, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return "", err
		}
		return add("numbers", key, by)
	case "wrong":
		return add("texts", key, 1)
	case "connect":
		_, err := wshost.Connect(key, wshost.ConnectOptions{
			Subprotocols: []string{"relay"},
			Headers:      []wshost.Header{{Name: "x-test", Value: []byte("of the handler")}},
		})
		return "done", err
	case "remind":
		timer, err := strconv.ParseUint(key, 10, 64)
		if err != nil {
			return "", err
		}
		after, err := time.ParseDuration(value + "ms")
		if err != nil {
			return "", err
		}
		return "done", wshost.SetDurableTimer(timer, after)
	case "read":
		contents, err := os.ReadFile(key)
		return string(contents), err
	case "forget":
		timer, err := strconv.ParseUint(key, 10, 64)
		return strconv.FormatBool(wshost.CancelTimer(timer)), err
	case "url":
		var urls []string
		for _, server := range wshost.Connections() {
			url, _ := server.URL()
			urls = append(urls, url)
		}
		return listed(urls), nil
	case "say":
		for _, server := range wshost.Connections() {
			if err := server.SendText(key); err != nil {
				return "", err
			}
		}
		return "said", nil
	case "leave":
		for _, server := range wshost.Connections() {
			if err := server.Close(1000, ""); err != nil {
				return "", err
			}
		}
		return "left", nil
	case "set", "get", "has", "delete", "keys":
		return text(command, key, value)
	case "get-many", "set-many", "delete-many":
		return many(command, strings.Split(key, ","), value)
	case "swap":
		expected, fresh, _ := strings.Cut(value, ",")
		return swap(key, expected, fresh)
	}
	return command, nil
}

func add(name, key string, by int64) (string, error) {
	bucket, err := wshost.OpenBucket(name)
	if err != nil {
		return "", err
	}
	sum, err := bucket.Increment(key, by)
	return strconv.FormatInt(sum, 10), err
}

func text(command, key, value string) (string, error) {
	bucket, err := wshost.OpenBucket("texts")
	if err != nil {
		return "", err
	}
	switch command {
	case "set":
		return "done", bucket.Set(key, []byte(value))
	case "get":
		text, err := bucket.Get(key)
		if err == nil && text == nil {
			return "nothing", nil
		}
		return string(text), err
	case "has":
		exists, err := bucket.Exists(key)
		return strconv.FormatBool(exists), err
	case "delete":
		return "done", bucket.Delete(key)
	}
	keys, err := bucket.Keys()
	return listed(keys), err
}

func many(command string, keys []string, value string) (string, error) {
	bucket, err := wshost.OpenBucket("texts")
	if err != nil {
		return "", err
	}
	switch command {
	case "set-many":
		values := map[string][]byte{}
		for _, key := range keys {
			values[key] = []byte(value)
		}
		return "done", bucket.SetMany(values)
	case "delete-many":
		return "done", bucket.DeleteMany(keys...)
	}
	values, err := bucket.GetMany(keys...)
	var texts []string
	for _, value := range values {
		if value == nil {
			value = []byte("nothing")
		}
		texts = append(texts, string(value))
	}
	return listed(texts), err
}

// swap takes "nothing" as the expected value of a key without one.
func swap(key, expected, fresh string) (string, error) {
	bucket, err := wshost.OpenBucket("texts")
	if err != nil {
		return "", err
	}
	old := []byte(expected)
	if expected == "nothing" {
		old = nil
	}
	swapped, err := bucket.CompareAndSwap(key, old, []byte(fresh))
	return strconv.FormatBool(swapped), err
}

func listed(texts []string) string {
	if len(texts) == 0 {
		return "nothing"
	}
	return strings.Join(texts, ",")
}

func (*capabilities) Connected(client wshost.Client, handshake wshost.Handshake) error {
	request := client.Request()
	if !slices.Contains(request.OfferedSubprotocols(), "relay") {
		return nil
	}
	if err := handshake.ChooseSubprotocol("relay"); err != nil {
		return err
	}
	header, _ := request.Header("x-test")
	return client.SendText("x-test: " + header)
}

func (*capabilities) ReceivedText(client wshost.Client, message string) error {
	if _, isServer := client.URL(); isServer {
		wshost.BroadcastText(wshost.Clients(), client.Request().Subprotocol()+": "+message)
		return nil
	}
	words := append(strings.Split(message, " "), "", "")
	text, err := answer(words[0], words[1], words[2])
	var capability *wshost.CapabilityError
	if errors.As(err, &capability) {
		text = "error: " + capability.Code
	} else if err != nil {
		text = "error: " + err.Error()
	}
	return client.SendText(text)
}

func (*capabilities) Fired(timer uint64) error {
	wshost.BroadcastText(wshost.Clients(), "timer "+strconv.FormatUint(timer, 10))
	return nil
}

func (*capabilities) Disconnected(client wshost.Client, how wshost.Disconnection) {
	if url, isServer := client.URL(); isServer {
		wshost.BroadcastText(wshost.Clients(), how.Cause()+": "+url)
	}
}

func init() { wshost.Serve(&capabilities{}) }

func main() {}
