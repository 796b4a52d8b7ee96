package wshost

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"unicode/utf8"
)

// panicError is a panic of the handler, and where it was.
type panicError struct {
	value any
	stack string
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// guarded calls a method of the handler, and makes an error of a panic.
func guarded(method func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value, stackOfPanic()}
		}
	}()
	return method()
}

// stackOfPanic is the part of the stack that is the handler's: two lines for each function, above the frames of the panic
// and below those of this package.
func stackOfPanic() string {
	lines := strings.SplitAfter(string(debug.Stack()), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "panic(") && i+2 < len(lines) {
			lines = lines[i+2:]
			break
		}
	}
	for i, line := range lines {
		if strings.Contains(line, "/wshost.guarded(") {
			// The frame above is the closure that called the handler.
			lines = lines[:max(0, i-2)]
			break
		}
	}
	return strings.Join(lines, "")
}

// report writes an error to the host's log.
func report(event string, err error) {
	if p, ok := err.(*panicError); ok {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", event, p, p.stack)
	} else {
		fmt.Fprintf(os.Stderr, "%s: %v\n", event, err)
	}
}

// fail reports the error of an event, and closes its client. In development, the client gets the error as the reason.
func fail(client Client, event string, err error) {
	report(event+", "+client.String(), err)
	reason := "the handler failed"
	if os.Getenv("WS_HOST_DEV") != "" {
		reason = err.Error()
		for len(reason) > 123 {
			_, size := utf8.DecodeLastRuneInString(reason)
			reason = reason[:len(reason)-size]
		}
		reason = strings.ToValidUTF8(reason, "?")
	}
	// It fails only if the client is already closing.
	_ = client.Close(1011, reason)
}
