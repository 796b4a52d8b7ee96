// The functions of the host, one for each function in wit/, as the component model passes their arguments: texts and lists
// as an address and a size, an option as a flag and a value, and a result that is more than a number through a pointer.
// A mistake here fails the build: `ws-host component` holds each type against the contract.

#ifndef WS_HOST_IMPORTS_H
#define WS_HOST_IMPORTS_H

#include <stddef.h>
#include <stdint.h>

#define FROM(interface, name) \
  __attribute__((import_module("ws-host:socket/" interface "@0.1.0"), import_name(name))) extern

typedef const void *address;

FROM("clients", "send-text") void send_text(uint64_t to, address message, size_t message_size, void *result);
FROM("clients", "send-binary") void send_binary(uint64_t to, address message, size_t message_size, void *result);
FROM("clients", "send")
void send_message(uint64_t to, int32_t kind, address message, size_t message_size, int32_t has_options, int32_t options, void *result);
FROM("clients", "broadcast")
void broadcast(address to, size_t count, int32_t kind, address message, size_t message_size, int32_t has_options, int32_t options, void *result);
FROM("clients", "[constructor]send-options") int32_t new_send_options(void);
FROM("clients", "[resource-drop]send-options") void drop_send_options(int32_t options);
FROM("clients", "[method]send-options.set-compression")
void set_compression(int32_t options, address how, size_t how_size, void *result);
FROM("clients", "[method]send-options.set-max-frame")
void set_max_frame(int32_t options, int32_t has_max, int32_t max, void *result);
FROM("clients", "[method]send-options.set-except")
void set_except(int32_t options, address clients, size_t count, void *result);
FROM("clients", "ping") void ping(uint64_t to, address payload, size_t payload_size, void *result);
FROM("clients", "pong") void pong(uint64_t to, address payload, size_t payload_size, void *result);
FROM("clients", "close")
void close_client(uint64_t client, int32_t code, address reason, size_t reason_size, void *result);
FROM("clients", "abort") int32_t abort_client(uint64_t client);
FROM("clients", "connected-clients") void connected_clients(void *result);
FROM("clients", "buffered") void buffered(uint64_t client, void *result);
FROM("clients", "attach") void attach(uint64_t client, address attachment, size_t attachment_size, void *result);
FROM("clients", "attachment") void attachment_of(uint64_t client, void *result);
FROM("burst", "next") void next_of_burst(void *result);
FROM("custom", "kind") void custom_kind(void *result);
FROM("custom", "sender") void custom_sender(void *result);
FROM("disconnection", "cause") void disconnection_cause(uint64_t client, void *result);
FROM("disconnection", "code") void disconnection_code(uint64_t client, void *result);
FROM("disconnection", "reason") void disconnection_reason(uint64_t client, void *result);
FROM("disconnection", "clean") int32_t disconnection_clean(uint64_t client);
FROM("disconnection", "sent-code") void disconnection_sent_code(uint64_t client, void *result);
FROM("expiry", "expire") void expire(uint64_t client, uint64_t after, uint64_t notice, void *result);
FROM("expiry", "keep") int32_t keep(uint64_t client);
FROM("expiry", "remaining") void remaining(uint64_t client, void *result);
FROM("handshake", "choose-subprotocol")
void choose_subprotocol(uint64_t client, address name, size_t name_size, void *result);
FROM("handshake", "add-header")
void add_header(uint64_t client, address name, size_t name_size, address value, size_t value_size, void *result);
FROM("handshake", "set-status") void set_status(uint64_t client, int32_t status, void *result);
FROM("handshake", "set-body")
void set_body(uint64_t client, address content_type, size_t content_type_size, address body, size_t body_size, void *result);
FROM("requests", "resource-name") void request_resource_name(uint64_t client, void *result);
FROM("requests", "path") void request_path(uint64_t client, void *result);
FROM("requests", "query") void request_query(uint64_t client, void *result);
FROM("requests", "parameter") void request_parameter(uint64_t client, address name, size_t name_size, void *result);
FROM("requests", "parameters") void request_parameters(uint64_t client, void *result);
FROM("requests", "header") void request_header(uint64_t client, address name, size_t name_size, void *result);
FROM("requests", "headers") void request_headers(uint64_t client, void *result);
FROM("requests", "offered-subprotocols") void request_offered_subprotocols(uint64_t client, void *result);
FROM("requests", "subprotocol") void request_subprotocol(uint64_t client, void *result);
FROM("requests", "origin") void request_origin(uint64_t client, void *result);
FROM("requests", "protocol-version") void request_protocol_version(uint64_t client, void *result);
FROM("requests", "http-version") void request_http_version(uint64_t client, void *result);
FROM("requests", "client-address") void request_client_address(uint64_t client, void *result);
FROM("requests", "peer-address") void request_peer_address(uint64_t client, void *result);
FROM("requests", "peer-port") void request_peer_port(uint64_t client, void *result);
FROM("requests", "local-address") void request_local_address(uint64_t client, void *result);
FROM("requests", "local-port") void request_local_port(uint64_t client, void *result);
FROM("requests", "secure") int32_t request_secure(uint64_t client);
FROM("requests", "server-name") void request_server_name(uint64_t client, void *result);
FROM("requests", "certificate") void request_certificate(uint64_t client, void *result);
FROM("requests", "certificate-fingerprint") void request_certificate_fingerprint(uint64_t client, void *result);
FROM("requests", "certificate-subject") void request_certificate_subject(uint64_t client, void *result);
FROM("requests", "certificate-names") void request_certificate_names(uint64_t client, void *result);
FROM("state", "reason") void state_reason(void *result);
FROM("state", "age") void state_age(void *result);
FROM("tags", "tag") void add_tag(uint64_t client, address tag, size_t tag_size, void *result);
FROM("tags", "untag") int32_t remove_tag(uint64_t client, address tag, size_t tag_size);
FROM("tags", "tags-of") void tags_of(uint64_t client, void *result);
FROM("tags", "clients-of") void clients_of(address tag, size_t tag_size, void *result);
FROM("tags", "send-tagged")
void send_tagged(address tag, size_t tag_size, int32_t kind, address message, size_t message_size, int32_t has_options, int32_t options, void *result);
FROM("tags", "close-tagged")
void close_tagged(address tag, size_t tag_size, int32_t code, address reason, size_t reason_size, void *result);
FROM("timers", "set") void set_timer(uint64_t timer, uint64_t after, void *result);
FROM("timers", "cancel") int32_t cancel_timer(uint64_t timer);
FROM("topics", "subscribe") void subscribe(uint64_t client, address topic, size_t topic_size, void *result);
FROM("topics", "unsubscribe") int32_t unsubscribe(uint64_t client, address topic, size_t topic_size);
FROM("topics", "unsubscribe-all") int32_t unsubscribe_all(uint64_t client);
FROM("topics", "topics-of") void topics_of(uint64_t client, void *result);
FROM("topics", "subscribers") int32_t subscribers(address topic, size_t topic_size);
FROM("topics", "publish")
void publish(address topic, size_t topic_size, int32_t kind, address message, size_t message_size, int32_t has_options, int32_t options, void *result);

#endif
