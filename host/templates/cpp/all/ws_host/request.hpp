// The request of a client, the response to it, and the end of a connection. Included by ws_host.hpp.

#ifndef WS_HOST_REQUEST_HPP
#define WS_HOST_REQUEST_HPP

#include "ws_host.hpp"

namespace ws {

// The request with which a client asked to connect. It can be read from `connected` to the end of
// `disconnected`.
class Request {
 public:
  explicit Request(Client client) : id_(client.id()) {}

  std::optional<std::string> resource_name() const { return detail::maybe(ws_request_resource_name(id_)); }
  std::optional<std::string> path() const { return detail::maybe(ws_request_path(id_)); }
  std::optional<std::string> query() const { return detail::maybe(ws_request_query(id_)); }
  std::optional<std::string> subprotocol() const { return detail::maybe(ws_request_subprotocol(id_)); }
  std::optional<std::string> origin() const { return detail::maybe(ws_request_origin(id_)); }
  std::optional<std::string> http_version() const { return detail::maybe(ws_request_http_version(id_)); }
  std::optional<std::string> client_address() const { return detail::maybe(ws_request_client_address(id_)); }
  std::optional<std::string> peer_address() const { return detail::maybe(ws_request_peer_address(id_)); }
  std::optional<std::string> local_address() const { return detail::maybe(ws_request_local_address(id_)); }
  std::optional<std::string> server_name() const { return detail::maybe(ws_request_server_name(id_)); }
  std::optional<std::string> certificate_fingerprint() const {
    return detail::maybe(ws_request_certificate_fingerprint(id_));
  }
  std::optional<std::string> certificate_subject() const {
    return detail::maybe(ws_request_certificate_subject(id_));
  }
  std::uint16_t protocol_version() const { return ws_request_protocol_version(id_); }
  std::uint16_t peer_port() const { return ws_request_peer_port(id_); }
  std::uint16_t local_port() const { return ws_request_local_port(id_); }
  bool secure() const { return ws_request_secure(id_); }

  // A value of the query, decoded as that of a form.
  std::optional<std::string> query_value(const std::string &name) const {
    return detail::maybe(ws_request_query_value(id_, name.c_str()));
  }
  // A parameter of the path pattern: /room/{name}.
  std::optional<std::string> parameter(const std::string &name) const {
    return detail::maybe(ws_request_parameter(id_, name.c_str()));
  }
  std::optional<std::string> header(const std::string &name) const {
    return detail::maybe(ws_request_header(id_, name.c_str()));
  }
  std::vector<std::pair<std::string, std::string>> parameters() const {
    return detail::owned(ws_request_parameters(id_));
  }
  std::vector<std::pair<std::string, std::string>> headers() const {
    return detail::owned(ws_request_headers(id_));
  }
  std::vector<std::string> offered_subprotocols() const {
    return detail::owned(ws_request_offered_subprotocols(id_));
  }
  std::vector<std::string> certificate_names() const {
    return detail::owned(ws_request_certificate_names(id_));
  }
  // The verified certificate in DER, while the event runs. Empty if there is none.
  Bytes certificate() const {
    ws_bytes der = ws_request_certificate(id_);
    return {der.data, der.size};
  }

 private:
  ws_client id_;
};

inline Request Client::request() const { return Request(*this); }

// Responds to the request of a client. It works only while `connected` runs.
class Handshake {
 public:
  explicit Handshake(Client client) : id_(client.id()) {}

  bool choose_subprotocol(std::string_view name) { return ws_choose_subprotocol(id_, detail::text(name)); }
  bool add_header(std::string_view name, std::string_view value) {
    return ws_add_header(id_, detail::text(name), detail::text(value));
  }
  bool set_status(std::uint16_t status) { return ws_set_status(id_, status); }
  bool set_body(std::string_view content_type, std::string_view body) {
    return ws_set_body(id_, detail::text(content_type), detail::bytes(body));
  }

  // Responds with a status and a text. Always false, to write `return handshake.refuse(403, "not you\n");`.
  bool refuse(std::uint16_t status, std::string_view text) {
    return ws_refuse(id_, status, detail::text(text));
  }

 private:
  ws_client id_;
};

// How a connection ended. It works only while `disconnected` runs.
class Disconnection {
 public:
  explicit Disconnection(Client client) : id_(client.id()) {}

  // "client", "handler", "operator", "lost", "silent", "slow", "protocol-error", "too-long",
  // "handler-failed", "no-room", "expired", "moved", "stopping", or "not-opened" for a connection of `connect`; there may
  // be more.
  std::string cause() const { return detail::owned(ws_disconnection_cause(id_)); }
  std::string reason() const { return detail::owned(ws_disconnection_reason(id_)); }
  // The code of the client's close frame: 1005 if it has none, 1006 if no close frame came.
  std::uint16_t code() const { return ws_disconnection_code(id_); }
  // The code of the close frame that was sent to the client. 0 if none was sent.
  std::uint16_t sent_code() const { return ws_disconnection_sent_code(id_); }
  bool clean() const { return ws_disconnection_clean(id_); }

 private:
  ws_client id_;
};

}  // namespace ws

#endif
