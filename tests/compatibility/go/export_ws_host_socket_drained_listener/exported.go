package export_ws_host_socket_drained_listener

import "wit_component/everything"

func Drained(client uint64) { everything.Drained(client) }
