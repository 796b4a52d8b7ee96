// WebSocket clients in Go: `go-clients CLIENT PLAN` runs the plan with the chosen client.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

// What a client is to do.
type plan struct {
	Authority string            `json:"authority"`
	Sizes     []int             `json:"sizes"`
	Scenarios []string          `json:"scenarios"`
	URLs      map[string]string `json:"urls"`
}

// The outcome of a scenario.
type line struct {
	Scenario string `json:"scenario"`
	Outcome  string `json:"outcome"`
	Why      string `json:"why,omitempty"`
}

func main() {
	if err := run(os.Args[1], []byte(os.Args[2])); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name string, text []byte) error {
	var asked plan
	if err := json.Unmarshal(text, &asked); err != nil {
		return err
	}
	pem, err := os.ReadFile(asked.Authority)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	trust := &tls.Config{RootCAs: roots}
	clients := map[string]struct {
		client
		of string
	}{
		"gorilla": {gorillaClient{trust}, "golang-github-gorilla-websocket-dev"},
		"x/net":   {netClient{trust}, "golang-golang-x-net-dev"},
		"nhooyr":  {nhooyrClient{trust}, "golang-nhooyr-websocket-dev"},
	}
	chosen, known := clients[name]
	if !known {
		return fmt.Errorf("unknown client %s", name)
	}
	out := json.NewEncoder(os.Stdout)
	// The libraries are system packages and do not know their own versions.
	version, err := exec.Command("dpkg-query", "--show", "--showformat=${Version}", chosen.of).Output()
	if err != nil {
		return err
	}
	if err := out.Encode(map[string]string{"version": string(version)}); err != nil {
		return err
	}
	for _, scenario := range asked.Scenarios {
		outcome := line{Scenario: scenario, Outcome: "passed"}
		switch err := play(chosen.client, asked, scenario).(type) {
		case nil:
		case notApplicable:
			outcome.Outcome, outcome.Why = "not applicable", string(err)
		default:
			outcome.Outcome, outcome.Why = "failed", err.Error()
		}
		if err := out.Encode(outcome); err != nil {
			return err
		}
	}
	return nil
}
