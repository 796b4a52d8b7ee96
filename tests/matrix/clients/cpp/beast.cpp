// Boost.Beast, with its blocking interface.
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/version.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/version.hpp>

#include "socket.hpp"

namespace asio = boost::asio;
namespace ssl = asio::ssl;
namespace websocket = boost::beast::websocket;
using tcp = asio::ip::tcp;

namespace {

template <class Stream>
class BeastSocket : public Socket {
public:
    template <class... Arguments>
    explicit BeastSocket(Arguments&&... arguments) : stream(std::forward<Arguments>(arguments)...) {}

    void handshake(const Url& url, const std::vector<std::string>& subprotocols) {
        websocket::permessage_deflate compression;
        compression.client_enable = true;
        stream.set_option(compression);
        stream.set_option(websocket::stream_base::decorator([&](websocket::request_type& request) {
            if (!subprotocols.empty()) request.set("Sec-WebSocket-Protocol", joined(subprotocols));
        }));
        stream.handshake(answer, url.host + ":" + url.port, url.target);
    }

    void send(const Message& message) override {
        stream.text(message.is_text);
        stream.write(asio::buffer(message.payload));
    }

    Message receive() override {
        boost::beast::flat_buffer buffer;
        boost::system::error_code error;
        stream.read(buffer, error);
        if (error == websocket::error::closed) throw Closed(stream.reason().code, stream.reason().reason.c_str());
        if (error) throw boost::system::system_error(error);
        return {stream.got_text(), boost::beast::buffers_to_string(buffer.data())};
    }

    int close(int code, const std::string& reason) override {
        stream.close({static_cast<websocket::close_code>(code), reason});
        return stream.reason().code;
    }

    std::string subprotocol() override { return std::string(answer["Sec-WebSocket-Protocol"]); }

    websocket::stream<Stream> stream;

private:
    websocket::response_type answer;
};

class Beast : public Client {
public:
    explicit Beast(const std::string& authority) : trust(ssl::context::tls_client) {
        trust.load_verify_file(authority);
        trust.set_verify_mode(ssl::verify_peer);
    }

    std::string version() override {
        std::string boost = BOOST_LIB_VERSION;
        for (auto& letter : boost) if (letter == '_') letter = '.';
        return boost;
    }

    std::unique_ptr<Socket> open(const std::string& text, const std::vector<std::string>& subprotocols) override {
        Url url(text);
        auto addresses = tcp::resolver(context).resolve(url.host, url.port);
        if (url.is_encrypted) {
            auto socket = std::make_unique<BeastSocket<ssl::stream<tcp::socket>>>(context, trust);
            auto& tls = socket->stream.next_layer();
            tls.set_verify_callback(ssl::rfc2818_verification(url.host));
            asio::connect(tls.next_layer(), addresses);
            tls.handshake(ssl::stream_base::client);
            socket->handshake(url, subprotocols);
            return socket;
        }
        auto socket = std::make_unique<BeastSocket<tcp::socket>>(context);
        asio::connect(socket->stream.next_layer(), addresses);
        socket->handshake(url, subprotocols);
        return socket;
    }

private:
    asio::io_context context;
    ssl::context trust;
};

}  // namespace

std::unique_ptr<Client> beast(const std::string& authority) {
    return std::make_unique<Beast>(authority);
}
