package main

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"example/{{name}}/wshost"
)

// A reminder is a line that is sent when its timer is due.
type reminder struct {
	Client wshost.Client
	Text   string
}

const remindUsage = "! use /remind SECONDS TEXT"

var decimal = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

func (c *chat) remind(client wshost.Client, arguments string) error {
	word, text, _ := strings.Cut(strings.TrimSpace(arguments), " ")
	text = strings.TrimSpace(text)
	seconds, err := strconv.ParseFloat(word, 64)
	if !decimal.MatchString(word) || err != nil || seconds > 3600 || text == "" {
		return client.SendText(remindUsage)
	}
	c.LastTimer++
	if err := wshost.SetTimer(c.LastTimer, time.Duration(seconds*float64(time.Second))); err != nil {
		return client.SendText("! there are too many reminders")
	}
	c.Reminders[c.LastTimer] = reminder{client, text}
	return client.SendText("* in " + word + " s: " + text)
}

// Fired is called when a timer is due.
func (c *chat) Fired(timer uint64) error {
	due, ok := c.Reminders[timer]
	delete(c.Reminders, timer)
	if ok && c.find(due.Client) != nil {
		return due.Client.SendText("* reminder: " + due.Text)
	}
	return nil
}
