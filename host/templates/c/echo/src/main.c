// {{name}} sends each message back to the client that sent it.

#include "ws_host.h"

static void received_text(ws_client client, ws_string message) { ws_send_text(client, message); }

static void received_binary(ws_client client, ws_bytes message) { ws_send_binary(client, message); }

const ws_handler ws_host_handler = {
    .received_text = received_text,
    .received_binary = received_binary,
};
