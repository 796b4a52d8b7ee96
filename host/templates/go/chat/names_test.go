package main

import "testing"

func TestNames(t *testing.T) {
	c := &chat{People: []person{{1, "Ann"}}}
	for name, want := range map[string]string{
		"bo":                        "",
		"":                          "a name must not be empty",
		"abcdefghijklmnopqrstuvwxy": "a name has at most 24 characters",
		"a:b":                       "a name cannot contain : , * ! or control characters",
		"aNN":                       "this name is already taken",
	} {
		got := ""
		if err := c.check(name, 2); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, not %q", name, got, want)
		}
	}
	if err := c.check("ann", 1); err != nil {
		t.Errorf("somebody may write their own name differently: %v", err)
	}
}
