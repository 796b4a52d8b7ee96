package export_ws_host_socket_stop_listener

import "wit_component/everything"

func Stopping() { everything.Stopping() }
