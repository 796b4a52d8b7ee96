package export_ws_host_socket_expiry_listener

import "wit_component/everything"

func Expiring(client uint64) { everything.Expiring(client) }
