package wshost

import (
	"strings"
	"unicode/utf8"
	"unsafe"
)

// The host copies what it passes to the handler into memory that it asks for here: messages, and the results of
// functions. This is ordinary memory of Go. It is kept from the collector until the event ends; whatever the handler
// keeps of it afterwards, it keeps like any other value.

var (
	held        [][]uint64
	passedBytes uintptr // since collect has asked the runtime

	// Before the runtime of Go has started, only this memory exists. The layer below the runtime needs it once.
	early     [192 << 10]byte
	earlyUsed uintptr
	started   bool
)

func init() { started = true }

func allocate(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	if !started {
		start := (uintptr(unsafe.Pointer(&early)) + earlyUsed + uintptr(align) - 1) &^ (uintptr(align) - 1)
		offset := start - uintptr(unsafe.Pointer(&early))
		if offset+uintptr(size) > uintptr(len(early)) {
			return nil
		}
		earlyUsed = offset + uintptr(size)
		return unsafe.Pointer(&early[offset])
	}
	if size == 0 {
		return unsafe.Add(unsafe.Pointer(nil), align)
	}
	words := make([]uint64, (uintptr(size)+7)/8)
	held = append(held, words)
	passedBytes += uintptr(size)
	fresh := unsafe.Pointer(unsafe.SliceData(words))
	if oldSize != 0 {
		copy(unsafe.Slice((*byte)(fresh), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return fresh
}

// release lets go of what the host has passed during an event.
func release() {
	clear(held)
	held = held[:0]
}

// address is where the host says that something is. Pointers have four bytes for it, and eight in Go.
func address(at uint32) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(nil), uintptr(at)) }

func stringFrom(at, length uint32) string {
	if length == 0 {
		return ""
	}
	return unsafe.String((*byte)(address(at)), length)
}

func bytesFrom(at, length uint32) []byte {
	if length == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(address(at)), length)
}

// passed is how bytes travel to the host: as the address and the length of a string.
func passed(bytes []byte) string { return unsafe.String(unsafe.SliceData(bytes), len(bytes)) }

// utf8Text is a text for the host, which ends the instance if it gets one that is not UTF-8. A string of Go may have any
// bytes, so all functions of the host take this type, and only utf8Of makes it.
type utf8Text string

// utf8Of is a text with U+FFFD in place of bytes that are not UTF-8.
func utf8Of(text string) utf8Text {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\ufffd")
	}
	return utf8Text(text)
}

// passedClients is the address of a list of clients, for the host.
func passedClients(clients []Client) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.SliceData(clients)), uint32(len(clients))
}

// passing keeps texts in memory of the heap while their addresses are passed in a list: a stack may move.
var passing []string

// passedElements are the addresses and lengths of texts, for the host.
func passedElements(texts []string) []element {
	passing = texts
	elements := make([]element, len(texts))
	for i, text := range texts {
		elements[i] = element{uint32(uintptr(unsafe.Pointer(unsafe.StringData(text)))), uint32(len(text))}
	}
	return elements
}

// passedKeys are the addresses and lengths of keys.
func passedKeys(keys []string) []element {
	texts := make([]string, len(keys))
	for i, key := range keys {
		texts[i] = string(utf8Of(key))
	}
	return passedElements(texts)
}

func elementsAt(elements []element) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(elements)) }

// results is where functions of the host write what they return.
var results [3]uint64

func area() unsafe.Pointer { return unsafe.Pointer(&results) }

func resultByte(offset uintptr) uint8 { return *(*uint8)(unsafe.Add(area(), offset)) }

func resultWord(offset uintptr) uint32 { return *(*uint32)(unsafe.Add(area(), offset)) }

func resultError() error {
	if resultByte(0) == 0 {
		return nil
	}
	return Error(stringFrom(resultWord(4), resultWord(8)))
}

func resultString() (string, bool) {
	if resultByte(0) == 0 {
		return "", false
	}
	return stringFrom(resultWord(4), resultWord(8)), true
}

func resultBytes() ([]byte, bool) {
	if resultByte(0) == 0 {
		return nil, false
	}
	return bytesFrom(resultWord(4), resultWord(8)), true
}

// If there is no number, its place may hold one of an earlier call.
func resultUint16() (uint16, bool) {
	if resultByte(0) == 0 {
		return 0, false
	}
	return *(*uint16)(unsafe.Add(area(), 2)), true
}

func resultUint64() (uint64, bool) {
	if resultByte(0) == 0 {
		return 0, false
	}
	return results[1], true
}

func resultClients() []Client {
	at, length := resultWord(0), resultWord(4)
	if length == 0 {
		return nil
	}
	return unsafe.Slice((*Client)(address(at)), length)
}

// element is one string in a list of strings, or of pairs of them.
type element struct{ at, length uint32 }

func (e element) text() string { return stringFrom(e.at, e.length) }

func resultElements(each uint32) []element {
	return elementsFrom(resultWord(0), resultWord(4)*each)
}

func elementsFrom(at, length uint32) []element {
	if length == 0 {
		return nil
	}
	return unsafe.Slice((*element)(address(at)), length)
}

func resultStrings() []string {
	elements := resultElements(1)
	strings := make([]string, len(elements))
	for i, e := range elements {
		strings[i] = stringFrom(e.at, e.length)
	}
	return strings
}
