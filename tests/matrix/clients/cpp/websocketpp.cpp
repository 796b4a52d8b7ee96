// WebSocket++. Its callbacks run on a thread of their own.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include <websocketpp/client.hpp>
#include <websocketpp/config/asio_client.hpp>
#include <websocketpp/extensions/permessage_deflate/enabled.hpp>
#include <websocketpp/version.hpp>

#include "socket.hpp"

namespace {

// A configuration of WebSocket++ with compression.
template <class Base>
struct Compressing : Base {
    struct permessage_deflate_config {};
    typedef websocketpp::extensions::permessage_deflate::enabled<permessage_deflate_config> permessage_deflate_type;
};

template <class Config>
class PlusSocket : public Socket {
    using Endpoint = websocketpp::client<Config>;
    using Handle = websocketpp::connection_hdl;

public:
    PlusSocket(const std::string& url, const std::vector<std::string>& subprotocols,
               const std::function<void(Endpoint&)>& prepare) {
        endpoint.clear_access_channels(websocketpp::log::alevel::all);
        endpoint.clear_error_channels(websocketpp::log::elevel::all);
        endpoint.init_asio();
        prepare(endpoint);
        endpoint.set_open_handler([this](Handle) { change([this] { is_open = true; }); });
        endpoint.set_fail_handler([this](Handle) {
            change([this] { end = {connection->get_ec().value(), connection->get_ec().message()}; });
        });
        endpoint.set_close_handler([this](Handle) {
            change([this] { end = {connection->get_remote_close_code(), connection->get_remote_close_reason()}; });
        });
        endpoint.set_message_handler([this](Handle, typename Endpoint::message_ptr message) {
            bool is_text = message->get_opcode() == websocketpp::frame::opcode::text;
            change([&] { messages.push_back({is_text, message->get_payload()}); });
        });
        std::error_code error;
        connection = endpoint.get_connection(url, error);
        if (error) throw std::system_error(error);
        for (const auto& name : subprotocols) connection->add_subprotocol(name);
        endpoint.connect(connection);
        thread = std::thread([this] { endpoint.run(); });
        auto lock = wait([this] { return is_open || end; });
        if (!is_open) {
            lock.unlock();
            thread.join();
            throw Closed(end->first, end->second);
        }
    }

    ~PlusSocket() override {
        if (thread.joinable()) {
            endpoint.stop();
            thread.join();
        }
    }

    void send(const Message& message) override {
        auto kind = message.is_text ? websocketpp::frame::opcode::text : websocketpp::frame::opcode::binary;
        endpoint.send(connection->get_handle(), message.payload, kind);
    }

    Message receive() override {
        auto lock = wait([this] { return !messages.empty() || end; });
        if (messages.empty()) throw Closed(end->first, end->second);
        Message message = messages.front();
        messages.pop_front();
        return message;
    }

    int close(int code, const std::string& reason) override {
        endpoint.close(connection->get_handle(), code, reason);
        auto lock = wait([this] { return end.has_value(); });
        return end->first;
    }

    // Its own method of this name returns only a server's choice.
    std::string subprotocol() override { return connection->get_response_header("Sec-WebSocket-Protocol"); }

private:
    template <class Change>
    void change(Change what) {
        std::lock_guard<std::mutex> lock(mutex);
        what();
        changed.notify_all();
    }

    template <class Condition>
    std::unique_lock<std::mutex> wait(Condition holds) {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, holds);
        return lock;
    }

    Endpoint endpoint;
    typename Endpoint::connection_ptr connection;
    std::thread thread;
    std::mutex mutex;
    std::condition_variable changed;
    bool is_open = false;
    std::optional<std::pair<int, std::string>> end;
    std::deque<Message> messages;
};

class Plus : public Client {
public:
    explicit Plus(const std::string& authority) : authority(authority) {}

    std::string version() override {
        using namespace websocketpp;
        return std::to_string(major_version) + "." + std::to_string(minor_version) + "." + std::to_string(patch_version);
    }

    std::unique_ptr<Socket> open(const std::string& url, const std::vector<std::string>& subprotocols) override {
        using Plain = Compressing<websocketpp::config::asio_client>;
        using Encrypted = Compressing<websocketpp::config::asio_tls_client>;
        if (!Url(url).is_encrypted) {
            auto nothing = [](websocketpp::client<Plain>&) {};
            return std::make_unique<PlusSocket<Plain>>(url, subprotocols, nothing);
        }
        auto believe = [this, url](websocketpp::client<Encrypted>& endpoint) {
            endpoint.set_tls_init_handler([this, url](websocketpp::connection_hdl) {
                namespace ssl = boost::asio::ssl;
                auto trust = std::make_shared<ssl::context>(ssl::context::tls_client);
                trust->load_verify_file(authority);
                trust->set_verify_mode(ssl::verify_peer);
                trust->set_verify_callback(ssl::rfc2818_verification(Url(url).host));
                return trust;
            });
        };
        return std::make_unique<PlusSocket<Encrypted>>(url, subprotocols, believe);
    }

private:
    std::string authority;
};

}  // namespace

std::unique_ptr<Client> websocketpp_client(const std::string& authority) {
    return std::make_unique<Plus>(authority);
}
