package export_ws_host_socket_lifecycle

import (
	. "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/everything"
)

func Suspend() Option[[]uint8] { return everything.Suspend() }

func Resume(state Option[[]uint8]) Result[Unit, string] { return everything.Resume(state) }
