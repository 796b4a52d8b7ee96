package wshost

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The collector of Go may not run while the host asks for memory (in cabi_realloc): it reads the clock then, and the
// component model forbids that. So it is off, and runs between events, when as much has been allocated since it ran last
// as was then in use. A handler that allocates very much in one event can call runtime.GC itself.

const (
	// minHeap is how many bytes may be allocated before the collector runs, however small the heap is.
	minHeap = 4 << 20

	// Asking the runtime how much has been allocated takes as long as a short event. So it is asked after each event
	// only while events allocate much, or the host passes much. While they allocate little, the number of events
	// between two questions doubles, up to this one.
	mostBetween   = 16
	muchAllocated = 64 << 10
)

var (
	allocated = []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	live      = []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	lastSeen  uint64
	nextGC    uint64
	events    int
	between   = 1
)

func init() {
	debug.SetGCPercent(-1)
	planCollection()
}

// collect runs the collector if it is time.
func collect() {
	if events++; events < between && passedBytes < muchAllocated {
		return
	}
	metrics.Read(allocated)
	seen := allocated[0].Value.Uint64()
	passedBytes, events = 0, 0
	between = min(2*between, mostBetween)
	if seen-lastSeen >= muchAllocated {
		between = 1
	}
	lastSeen = seen
	if seen >= nextGC {
		runtime.GC()
		planCollection()
	}
}

func planCollection() {
	metrics.Read(allocated)
	metrics.Read(live)
	nextGC = allocated[0].Value.Uint64() + max(minHeap, live[0].Value.Uint64())
}
