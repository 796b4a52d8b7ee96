package export_ws_host_socket_handler

import "wit_component/everything"

func Connected(client uint64) bool { return everything.Connected(client) }

func ReceivedText(client uint64, message string) { everything.ReceivedText(client, message) }

func ReceivedBinary(client uint64, message []uint8) { everything.ReceivedBinary(client, message) }

func ReceivedPong(client uint64, payload []uint8) { everything.ReceivedPong(client, payload) }

func Disconnected(client uint64) { everything.Disconnected(client) }
