package export_ws_host_socket_burst_listener

import "wit_component/everything"

func ReceivedBurst(client uint64) { everything.ReceivedBurst(client) }
