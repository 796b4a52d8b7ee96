package wshost

import "time"

// SetTimer calls Fired of a handler that is [Timed] after a while, once. The handler chooses the number of the timer; one
// that is already set is replaced. Timers outlive a reload, a fault and hibernation. An instance has at most 1,024.
func SetTimer(timer uint64, after time.Duration) error {
	setTimer(timer, milliseconds(after), area())
	return resultError()
}

// SetDurableTimer sets a timer that a restart of the host does not lose. It returns when the timer is on the disk. The
// configuration must grant the file: grant = ["timers:FILE"].
func SetDurableTimer(timer uint64, after time.Duration) error {
	setDurableTimer(timer, milliseconds(after), area())
	return resultError()
}

// CancelTimer returns whether the timer was set.
func CancelTimer(timer uint64) bool { return cancelTimer(timer) != 0 }

// Expire closes the client with 1008 after a while, and calls Expiring of a handler that is [Expiring] once, notice before
// that. A second call replaces the first: that gives a client more time.
func (c Client) Expire(after, notice time.Duration) error {
	expire(uint64(c), milliseconds(after), milliseconds(notice), area())
	return resultError()
}

// Keep removes the time limit of Expire. It returns whether there was one.
func (c Client) Keep() bool { return keep(uint64(c)) != 0 }

// Remaining is the time that the client has left. It is false if the client does not expire.
func (c Client) Remaining() (time.Duration, bool) {
	remaining(uint64(c), area())
	left, ok := resultUint64()
	return time.Duration(left) * time.Millisecond, ok
}

func milliseconds(d time.Duration) uint64 { return uint64(max(d, 0).Milliseconds()) }

// StateReason is why Suspend or Resume is called: "reload", "hibernation", "checkpoint", "fault" or "rollback".
func StateReason() string {
	stateReason(area())
	reason, _ := resultString()
	return reason
}

// StateAge is, in Resume, how long ago the state was made, if it lacks events that happened since.
func StateAge() (time.Duration, bool) {
	stateAge(area())
	age, ok := resultUint64()
	return time.Duration(age) * time.Millisecond, ok
}
