package export_ws_host_socket_custom_listener

import (
	. "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/everything"
)

func ReceivedCustom(message []uint8) Result[[]uint8, string] {
	return everything.ReceivedCustom(message)
}
