package export_ws_host_socket_timers_listener

import "wit_component/everything"

func Fired(timer uint64) { everything.Fired(timer) }
