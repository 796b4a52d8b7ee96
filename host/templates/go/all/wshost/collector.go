package wshost

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The collector of Go may not run while the host asks for memory (in cabi_realloc): it reads the clock then, and the
// component model forbids that. So it is off, and runs between events, when as much has been allocated since it ran last
// as was then in use. A handler that allocates very much in one event can call runtime.GC itself.

// minHeap is how many bytes may be allocated before the collector runs, however small the heap is.
const minHeap = 4 << 20

var (
	allocated = []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	live      = []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	nextGC    uint64
)

func init() {
	debug.SetGCPercent(-1)
	planCollection()
}

// collect runs the collector if it is time.
func collect() {
	metrics.Read(allocated)
	if allocated[0].Value.Uint64() >= nextGC {
		runtime.GC()
		planCollection()
	}
}

func planCollection() {
	metrics.Read(allocated)
	metrics.Read(live)
	nextGC = allocated[0].Value.Uint64() + max(minHeap, live[0].Value.Uint64())
}
