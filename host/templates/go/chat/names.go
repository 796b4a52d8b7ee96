package main

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"example/{{name}}/wshost"
)

// maxName is the longest name, in characters.
const maxName = 24

var errTaken = errors.New("this name is already taken")

// check returns why a client cannot have a name.
func (c *chat) check(name string, client wshost.Client) error {
	switch {
	case name == "":
		return errors.New("a name must not be empty")
	case utf8.RuneCountInString(name) > maxName:
		return errors.New("a name has at most 24 characters")
	case strings.ContainsAny(name, ":,*!") || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("a name cannot contain : , * ! or control characters")
	}
	for _, other := range c.People {
		if other.Client != client && strings.EqualFold(other.Name, name) {
			return errTaken
		}
	}
	return nil
}

// guestName is a name for somebody who has not chosen one.
func (c *chat) guestName() string {
	for number := c.Arrivals; ; number++ {
		name := "guest-" + strconv.Itoa(number)
		if c.check(name, 0) == nil {
			return name
		}
	}
}

func (c *chat) names() []string {
	names := make([]string, len(c.People))
	for i, person := range c.People {
		names[i] = person.Name
	}
	return names
}
