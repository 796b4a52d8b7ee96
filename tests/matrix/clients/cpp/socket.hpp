// The interface of all clients in C++.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

struct Message {
    bool is_text;
    std::string payload;

    bool operator==(const Message& other) const {
        return is_text == other.is_text && payload == other.payload;
    }
};

// The server's close frame, after which nothing can be received.
struct Closed : std::runtime_error {
    int code;
    std::string reason;

    Closed(int code, const std::string& reason)
        : runtime_error("closed with " + std::to_string(code) + " " + reason), code(code), reason(reason) {}
};

// By design, the client cannot do this.
struct NotApplicable : std::runtime_error {
    using runtime_error::runtime_error;
};

class Socket {
public:
    virtual ~Socket() = default;
    virtual void send(const Message& message) = 0;
    virtual Message receive() = 0;
    // Closes, waits for the answer, and returns its code.
    virtual int close(int code, const std::string& reason) = 0;
    virtual std::string subprotocol() = 0;
    // The reason why a client does not offer compression.
    virtual std::string without_compression() { return "offers no compression and is served uncompressed"; }
};

class Client {
public:
    virtual ~Client() = default;
    virtual std::string version() = 0;
    virtual std::unique_ptr<Socket> open(const std::string& url, const std::vector<std::string>& subprotocols) = 0;
};

// `authority` is the path of a PEM file.
std::unique_ptr<Client> beast(const std::string& authority);
std::unique_ptr<Client> websocketpp_client(const std::string& authority);
std::unique_ptr<Client> libwebsockets(const std::string& authority);

// The parts of a URL.
struct Url {
    bool is_encrypted;
    std::string host, port, target;

    explicit Url(const std::string& url) {
        is_encrypted = url.compare(0, 4, "wss:") == 0;
        auto from = url.find("//") + 2, slash = url.find('/', from), colon = url.find(':', from);
        host = url.substr(from, colon - from);
        port = url.substr(colon + 1, slash - colon - 1);
        target = url.substr(slash);
    }
};

inline std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}
