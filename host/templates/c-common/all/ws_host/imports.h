// The functions of the host, one for each function in wit/, as the component model passes their arguments:
// texts and lists as an address and a size, an option as a flag and a value, and a result that is more than a
// number through a pointer. A mistake here fails the build: `ws-host component` holds each type against the
// contract.

#ifndef WS_HOST_IMPORTS_H
#define WS_HOST_IMPORTS_H

#include <stddef.h>
#include <stdint.h>

#define FROM(interface, name) \
  __attribute__((import_module("ws-host:socket/" interface "@0.1.0"), import_name(name))) extern

typedef const void *address;

FROM("clients", "send-text")
void ws_imported_send_text(uint64_t to, address message, size_t message_size, void *result);
FROM("clients", "send-binary")
void ws_imported_send_binary(uint64_t to, address message, size_t message_size, void *result);
FROM("clients", "send")
void ws_imported_send_message(uint64_t to, int32_t kind, address message, size_t message_size,
                              int32_t has_options, int32_t options, void *result);
FROM("clients", "broadcast")
void ws_imported_broadcast(address to, size_t count, int32_t kind, address message, size_t message_size,
                           int32_t has_options, int32_t options, void *result);
FROM("clients", "[constructor]send-options") int32_t ws_imported_new_send_options(void);
FROM("clients", "[resource-drop]send-options") void ws_imported_drop_send_options(int32_t options);
FROM("clients", "[method]send-options.set-compression")
void ws_imported_set_compression(int32_t options, address how, size_t how_size, void *result);
FROM("clients", "[method]send-options.set-max-frame")
void ws_imported_set_max_frame(int32_t options, int32_t has_max, int32_t max, void *result);
FROM("clients", "[method]send-options.set-except")
void ws_imported_set_except(int32_t options, address clients, size_t count, void *result);
FROM("clients", "ping")
void ws_imported_ping(uint64_t to, address payload, size_t payload_size, void *result);
FROM("clients", "pong")
void ws_imported_pong(uint64_t to, address payload, size_t payload_size, void *result);
FROM("clients", "close")
void ws_imported_close_client(uint64_t client, int32_t code, address reason, size_t reason_size,
                              void *result);
FROM("clients", "abort") int32_t ws_imported_abort_client(uint64_t client);
FROM("clients", "connected-clients") void ws_imported_connected_clients(void *result);
FROM("clients", "buffered") void ws_imported_buffered(uint64_t client, void *result);
FROM("clients", "attach")
void ws_imported_attach(uint64_t client, address attachment, size_t attachment_size, void *result);
FROM("clients", "attachment") void ws_imported_attachment_of(uint64_t client, void *result);
FROM("burst", "next-many") void ws_imported_next_of_burst(void *result);
FROM("burst", "advance") int32_t ws_imported_advance_burst(void);
FROM("custom", "kind") void ws_imported_custom_kind(void *result);
FROM("custom", "sender") void ws_imported_custom_sender(void *result);
FROM("disconnection", "cause") void ws_imported_disconnection_cause(uint64_t client, void *result);
FROM("disconnection", "code") void ws_imported_disconnection_code(uint64_t client, void *result);
FROM("disconnection", "reason") void ws_imported_disconnection_reason(uint64_t client, void *result);
FROM("disconnection", "clean") int32_t ws_imported_disconnection_clean(uint64_t client);
FROM("disconnection", "sent-code") void ws_imported_disconnection_sent_code(uint64_t client, void *result);
FROM("expiry", "expire")
void ws_imported_expire(uint64_t client, uint64_t after, uint64_t notice, void *result);
FROM("expiry", "keep") int32_t ws_imported_keep(uint64_t client);
FROM("expiry", "remaining") void ws_imported_remaining(uint64_t client, void *result);
FROM("handshake", "choose-subprotocol")
void ws_imported_choose_subprotocol(uint64_t client, address name, size_t name_size, void *result);
FROM("handshake", "add-header")
void ws_imported_add_header(uint64_t client, address name, size_t name_size, address value, size_t value_size,
                            void *result);
FROM("handshake", "set-status") void ws_imported_set_status(uint64_t client, int32_t status, void *result);
FROM("handshake", "set-body")
void ws_imported_set_body(uint64_t client, address content_type, size_t content_type_size, address body,
                          size_t body_size, void *result);
FROM("requests", "resource-name") void ws_imported_request_resource_name(uint64_t client, void *result);
FROM("requests", "path") void ws_imported_request_path(uint64_t client, void *result);
FROM("requests", "query") void ws_imported_request_query(uint64_t client, void *result);
FROM("requests", "parameter")
void ws_imported_request_parameter(uint64_t client, address name, size_t name_size, void *result);
FROM("requests", "parameters") void ws_imported_request_parameters(uint64_t client, void *result);
FROM("requests", "header")
void ws_imported_request_header(uint64_t client, address name, size_t name_size, void *result);
FROM("requests", "headers") void ws_imported_request_headers(uint64_t client, void *result);
FROM("requests", "offered-subprotocols")
void ws_imported_request_offered_subprotocols(uint64_t client, void *result);
FROM("requests", "subprotocol") void ws_imported_request_subprotocol(uint64_t client, void *result);
FROM("requests", "origin") void ws_imported_request_origin(uint64_t client, void *result);
FROM("requests", "protocol-version") void ws_imported_request_protocol_version(uint64_t client, void *result);
FROM("requests", "http-version") void ws_imported_request_http_version(uint64_t client, void *result);
FROM("requests", "client-address") void ws_imported_request_client_address(uint64_t client, void *result);
FROM("requests", "peer-address") void ws_imported_request_peer_address(uint64_t client, void *result);
FROM("requests", "peer-port") void ws_imported_request_peer_port(uint64_t client, void *result);
FROM("requests", "local-address") void ws_imported_request_local_address(uint64_t client, void *result);
FROM("requests", "local-port") void ws_imported_request_local_port(uint64_t client, void *result);
FROM("requests", "secure") int32_t ws_imported_request_secure(uint64_t client);
FROM("requests", "server-name") void ws_imported_request_server_name(uint64_t client, void *result);
FROM("requests", "certificate") void ws_imported_request_certificate(uint64_t client, void *result);
FROM("requests", "certificate-fingerprint")
void ws_imported_request_certificate_fingerprint(uint64_t client, void *result);
FROM("requests", "certificate-subject")
void ws_imported_request_certificate_subject(uint64_t client, void *result);
FROM("requests", "certificate-names")
void ws_imported_request_certificate_names(uint64_t client, void *result);
FROM("log", "write")
void ws_imported_log_write(address level, size_t level_size, address message, size_t message_size);
FROM("log", "enabled") int32_t ws_imported_log_enabled(address level, size_t level_size);
FROM("state", "reason") void ws_imported_state_reason(void *result);
FROM("state", "age") void ws_imported_state_age(void *result);
FROM("tags", "tag") void ws_imported_add_tag(uint64_t client, address tag, size_t tag_size, void *result);
FROM("tags", "untag") int32_t ws_imported_remove_tag(uint64_t client, address tag, size_t tag_size);
FROM("tags", "tags-of") void ws_imported_tags_of(uint64_t client, void *result);
FROM("tags", "clients-of") void ws_imported_clients_of(address tag, size_t tag_size, void *result);
FROM("tags", "send-tagged")
void ws_imported_send_tagged(address tag, size_t tag_size, int32_t kind, address message, size_t message_size,
                             int32_t has_options, int32_t options, void *result);
FROM("tags", "close-tagged")
void ws_imported_close_tagged(address tag, size_t tag_size, int32_t code, address reason, size_t reason_size,
                              void *result);
FROM("timers", "set") void ws_imported_set_timer(uint64_t timer, uint64_t after, void *result);
FROM("timers", "set-durable") void ws_imported_set_durable_timer(uint64_t timer, uint64_t after, void *result);
FROM("timers", "cancel") int32_t ws_imported_cancel_timer(uint64_t timer);
FROM("topics", "subscribe")
void ws_imported_subscribe(uint64_t client, address topic, size_t topic_size, void *result);
FROM("topics", "unsubscribe")
int32_t ws_imported_unsubscribe(uint64_t client, address topic, size_t topic_size);
FROM("topics", "unsubscribe-all") int32_t ws_imported_unsubscribe_all(uint64_t client);
FROM("topics", "topics-of") void ws_imported_topics_of(uint64_t client, void *result);
FROM("topics", "subscribers") int32_t ws_imported_subscribers(address topic, size_t topic_size);
FROM("topics", "publish")
void ws_imported_publish(address topic, size_t topic_size, int32_t kind, address message, size_t message_size,
                         int32_t has_options, int32_t options, void *result);
FROM("outgoing", "[constructor]connect-options") int32_t ws_imported_new_connect_options(void);
FROM("outgoing", "[resource-drop]connect-options") void ws_imported_drop_connect_options(int32_t options);
FROM("outgoing", "[method]connect-options.add-subprotocol")
void ws_imported_add_subprotocol(int32_t options, address name, size_t name_size, void *result);
FROM("outgoing", "[method]connect-options.add-header")
void ws_imported_add_connect_header(int32_t options, address name, size_t name_size, address value,
                                    size_t value_size, void *result);
FROM("outgoing", "connect")
void ws_imported_connect(address url, size_t url_size, int32_t has_options, int32_t options, void *result);
FROM("outgoing", "connections") void ws_imported_connections(void *result);
FROM("outgoing", "url") void ws_imported_url(uint64_t connection, void *result);

// Capabilities of WASI, which are in `ws-host component` and not in wit/.

#define FROM_WASI(interface, name) \
  __attribute__((import_module("wasi:" interface), import_name(name))) extern

FROM_WASI("config/store@0.2.0-rc.1", "get")
void ws_imported_config_get(address key, size_t key_size, void *result);
FROM_WASI("config/store@0.2.0-rc.1", "get-all") void ws_imported_config_get_all(void *result);
FROM_WASI("keyvalue/store@0.2.0-draft2", "open")
void ws_imported_open_bucket(address name, size_t name_size, void *result);
FROM_WASI("keyvalue/store@0.2.0-draft2", "[resource-drop]bucket")
void ws_imported_drop_bucket(int32_t bucket);
FROM_WASI("keyvalue/store@0.2.0-draft2", "[method]bucket.get")
void ws_imported_bucket_get(int32_t bucket, address key, size_t key_size, void *result);
FROM_WASI("keyvalue/store@0.2.0-draft2", "[method]bucket.set")
void ws_imported_bucket_set(int32_t bucket, address key, size_t key_size, address value, size_t value_size,
                            void *result);
FROM_WASI("keyvalue/store@0.2.0-draft2", "[method]bucket.delete")
void ws_imported_bucket_delete(int32_t bucket, address key, size_t key_size, void *result);
FROM_WASI("keyvalue/store@0.2.0-draft2", "[method]bucket.exists")
void ws_imported_bucket_exists(int32_t bucket, address key, size_t key_size, void *result);
FROM_WASI("keyvalue/store@0.2.0-draft2", "[method]bucket.list-keys")
void ws_imported_bucket_list_keys(int32_t bucket, int32_t has_cursor, address cursor, size_t cursor_size,
                                  void *result);
FROM_WASI("keyvalue/atomics@0.2.0-draft2", "increment")
void ws_imported_bucket_increment(int32_t bucket, address key, size_t key_size, int64_t by, void *result);
FROM_WASI("keyvalue/atomics@0.2.0-draft2", "[static]cas.new")
void ws_imported_cas_new(int32_t bucket, address key, size_t key_size, void *result);
FROM_WASI("keyvalue/atomics@0.2.0-draft2", "[method]cas.current")
void ws_imported_cas_current(int32_t cas, void *result);
FROM_WASI("keyvalue/atomics@0.2.0-draft2", "[resource-drop]cas") void ws_imported_drop_cas(int32_t cas);
FROM_WASI("keyvalue/atomics@0.2.0-draft2", "swap")
void ws_imported_cas_swap(int32_t cas, address value, size_t value_size, void *result);
FROM_WASI("keyvalue/batch@0.2.0-draft2", "get-many")
void ws_imported_bucket_get_many(int32_t bucket, address keys, size_t key_count, void *result);
FROM_WASI("keyvalue/batch@0.2.0-draft2", "set-many")
void ws_imported_bucket_set_many(int32_t bucket, address pairs, size_t pair_count, void *result);
FROM_WASI("keyvalue/batch@0.2.0-draft2", "delete-many")
void ws_imported_bucket_delete_many(int32_t bucket, address keys, size_t key_count, void *result);

#endif
