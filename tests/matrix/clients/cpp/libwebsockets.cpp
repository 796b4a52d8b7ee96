// libwebsockets. Its event loop runs only while a call waits.
#include <libwebsockets.h>

#include <cstring>
#include <deque>
#include <functional>
#include <optional>

#include "socket.hpp"

namespace {

class LwsSocket : public Socket {
public:
    LwsSocket(const std::string& text, const std::string& authority, const std::vector<std::string>& subprotocols)
        : url(text), offered(joined(subprotocols)) {
        lws_set_log_level(0, nullptr);
        lws_context_creation_info creation = {};
        creation.port = CONTEXT_PORT_NO_LISTEN;
        creation.protocols = protocols;
        creation.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        creation.client_ssl_ca_filepath = authority.c_str();
        creation.user = this;
        context = lws_create_context(&creation);
        if (!context) throw std::runtime_error("no context");

        std::string host = url.host + ":" + url.port;
        lws_client_connect_info info = {};
        info.context = context;
        info.address = url.host.c_str();
        info.port = std::stoi(url.port);
        info.path = url.target.c_str();
        info.host = info.origin = host.c_str();
        info.ssl_connection = url.is_encrypted ? LCCSCF_USE_SSL : 0;
        info.protocol = offered.empty() ? nullptr : offered.c_str();
        info.local_protocol_name = protocols[0].name;
        lws_client_connect_via_info(&info);
        wait([this] { return wsi || end; });
        if (!wsi) {
            std::string why = end->reason;
            lws_context_destroy(context);
            throw std::runtime_error(why);
        }
    }

    ~LwsSocket() override { lws_context_destroy(context); }

    void send(const Message& message) override {
        outgoing = message;
        lws_callback_on_writable(wsi);
        wait([this] { return !outgoing || end; });
        if (outgoing) throw *end;
    }

    Message receive() override {
        wait([this] { return !messages.empty() || end; });
        if (messages.empty()) throw *end;
        Message message = messages.front();
        messages.pop_front();
        return message;
    }

    int close(int code, const std::string& reason) override {
        own = {code, reason};
        lws_callback_on_writable(wsi);
        wait([this] { return end.has_value(); });
        // libwebsockets does not report the code of the answer.
        return code;
    }

    std::string subprotocol() override { return chosen; }

    // With compression negotiated, it delivers an uncompressed message (RFC 7692 §6) over and over. So compression is not
    // offered.
    std::string without_compression() override {
        return "with compression, 4.1 loops forever on an uncompressed message; is served uncompressed";
    }

private:
    static int callback(lws* wsi, lws_callback_reasons why, void*, void* in, size_t length) {
        auto* self = static_cast<LwsSocket*>(lws_context_user(lws_get_context(wsi)));
        return self ? self->handle(wsi, why, static_cast<const char*>(in), length) : 0;
    }

    int handle(lws* wsi, lws_callback_reasons why, const char* in, size_t length) {
        switch (why) {
            case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH: {
                char name[100] = "";
                lws_hdr_copy(wsi, name, sizeof name, WSI_TOKEN_PROTOCOL);
                chosen = name;
                return 0;
            }
            case LWS_CALLBACK_CLIENT_ESTABLISHED:
                this->wsi = wsi;
                return 0;
            case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
                end.emplace(1006, in ? std::string(in, length) : "no connection");
                return 0;
            case LWS_CALLBACK_CLIENT_RECEIVE:
                partial.append(in, length);
                if (lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0) {
                    messages.push_back({!lws_frame_is_binary(wsi), partial});
                    partial.clear();
                }
                return 0;
            case LWS_CALLBACK_CLIENT_WRITEABLE:
                return write(wsi);
            case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: {
                auto code = reinterpret_cast<const unsigned char*>(in);
                if (length >= 2) end.emplace(code[0] << 8 | code[1], std::string(in + 2, length - 2));
                return 0;
            }
            case LWS_CALLBACK_CLIENT_CLOSED:
                if (!end) end.emplace(1006, "closed");
                return 0;
            default:
                return 0;
        }
    }

    int write(lws* wsi) {
        if (own) {
            std::string reason = own->reason;
            lws_close_reason(wsi, static_cast<lws_close_status>(own->code),
                reinterpret_cast<unsigned char*>(&reason[0]), reason.size());
            return -1;
        }
        if (!outgoing) return 0;
        std::vector<unsigned char> buffer(LWS_PRE + outgoing->payload.size());
        std::memcpy(buffer.data() + LWS_PRE, outgoing->payload.data(), outgoing->payload.size());
        auto kind = outgoing->is_text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY;
        if (lws_write(wsi, buffer.data() + LWS_PRE, outgoing->payload.size(), kind) < 0) return -1;
        outgoing.reset();
        return 0;
    }

    void wait(const std::function<bool()>& holds) {
        while (!holds()) lws_service(context, 0);
    }

    static const lws_protocols protocols[];

    Url url;
    std::string offered, chosen, partial;
    lws_context* context = nullptr;
    lws* wsi = nullptr;
    std::optional<Message> outgoing;
    std::optional<Closed> own, end;
    std::deque<Message> messages;
};

// Messages are delivered in parts of at most this size.
const lws_protocols LwsSocket::protocols[] = {{"matrix", callback, 0, 65536, 0, nullptr, 0}, {}};

class Lws : public Client {
public:
    explicit Lws(const std::string& authority) : authority(authority) {}

    std::string version() override {
        std::string version = lws_get_library_version();
        return version.substr(0, version.find('-'));
    }

    std::unique_ptr<Socket> open(const std::string& url, const std::vector<std::string>& subprotocols) override {
        return std::make_unique<LwsSocket>(url, authority, subprotocols);
    }

private:
    std::string authority;
};

}  // namespace

std::unique_ptr<Client> libwebsockets(const std::string& authority) { return std::make_unique<Lws>(authority); }
