// {{name}} sends each message back to the client that sent it.

#include "ws_host.hpp"

namespace {

class Echo : public ws::Handler {
  void received_text(ws::Client client, std::string_view message) override { client.send(message); }

  void received_binary(ws::Client client, ws::Bytes message) override { client.send(message); }
};

}  // namespace

WS_HANDLER(Echo)
