// WebSocket clients in C++: `cpp-clients CLIENT PLAN` runs the plan with the chosen client.
#include <iostream>
#include <map>
#include <sstream>

#include <boost/property_tree/json_parser.hpp>
#include <boost/property_tree/ptree.hpp>

#include "socket.hpp"

namespace {

const std::string phrase = "grüße, 世界, 🦀 ";

void check(bool holds, const std::string& why) {
    if (!holds) throw std::runtime_error(why);
}

Message text(const std::string& payload) { return {true, payload}; }

// Returns a text of `size` bytes, not only ASCII.
std::string text_of(size_t size) {
    std::string text;
    for (size_t count = 0; count < size / phrase.size(); count++) text += phrase;
    return text + std::string(size % phrase.size(), 'x');
}

Message bytes_of(size_t size) {
    std::string payload(size, '\0');
    for (size_t index = 0; index < size; index++) payload[index] = static_cast<char>(index * 31);
    return {false, payload};
}

void expect(Socket& socket, const Message& expected) {
    Message message = socket.receive();
    check(message == expected, "expected " + std::to_string(expected.payload.size()) + " bytes, got "
        + std::to_string(message.payload.size()));
}

void echoes(Socket& socket, const Message& message) {
    socket.send(message);
    expect(socket, message);
}

void leave(Socket& socket, int code, const std::string& reason) {
    int answer = socket.close(code, reason);
    check(answer == code, std::to_string(code) + " was answered with " + std::to_string(answer));
}

void compressed(Socket& socket) {
    socket.send(text("request"));
    std::string request = socket.receive().payload;
    for (size_t round = 0; round < 20; round++) echoes(socket, text(std::to_string(round) + " " + text_of(300 * round)));
    echoes(socket, text(text_of(200000)));
    echoes(socket, text("short"));
    leave(socket, 1000, "");
    if (request.find("sec-websocket-extensions") == std::string::npos)
        throw NotApplicable(socket.without_compression());
}

void server_closes(Socket& socket) {
    socket.send(text("close 4002 not today 🦀"));
    try {
        socket.receive();
    } catch (const Closed& closed) {
        check(closed.code == 4002 && closed.reason == "not today 🦀", closed.what());
        return;
    }
    throw std::runtime_error("got a message instead of a close frame");
}

void play(Client& client, const std::string& scenario, const std::string& url, const std::vector<size_t>& sizes) {
    if (scenario == "refused") {
        try {
            client.open(url, {});
        } catch (const std::exception&) {
            return;
        }
        throw std::runtime_error("opened although the server refuses it");
    }
    std::vector<std::string> offered;
    if (scenario == "subprotocol") offered = {"first.v1", "second.v2"};
    std::unique_ptr<Socket> opened = client.open(url, offered);
    Socket& socket = *opened;
    if (scenario == "text") {
        for (size_t size : sizes) echoes(socket, text(text_of(size)));
    } else if (scenario == "binary") {
        for (size_t size : sizes) echoes(socket, bytes_of(size));
    } else if (scenario == "in flight") {
        std::vector<Message> sent;
        for (size_t number = 0; number < 500; number++) {
            sent.push_back(text(std::to_string(number) + " " + text_of(number * 7 % 300)));
            socket.send(sent.back());
        }
        for (const auto& message : sent) expect(socket, message);
    } else if (scenario == "subprotocol") {
        check(socket.subprotocol() == "second.v2", "the chosen subprotocol is " + socket.subprotocol());
        expect(socket, text("welcome"));
    } else if (scenario == "ping") {
        socket.send(text("are you there?"));
        expect(socket, text("pong are you there?"));
    } else if (scenario == "client closes") {
        return leave(socket, 4001, "enough 🦀");
    } else if (scenario == "server closes") {
        return server_closes(socket);
    } else if (scenario == "compressed" || scenario == "compressed with context") {
        return compressed(socket);
    } else if (scenario == "wss") {
        for (size_t size : {1, 126, 65536, 300000}) {
            echoes(socket, text(text_of(size)));
            echoes(socket, bytes_of(size));
        }
    } else {
        throw std::runtime_error("unknown scenario " + scenario);
    }
    leave(socket, 1000, "");
}

std::string quoted(const std::string& text) {
    std::string quoted = "\"";
    for (char letter : text) {
        if (letter == '"' || letter == '\\') quoted += '\\';
        quoted += letter < ' ' && letter >= 0 ? ' ' : letter;
    }
    return quoted + "\"";
}

}  // namespace

int main(int, char** arguments) {
    boost::property_tree::ptree plan;
    std::istringstream input(arguments[2]);
    boost::property_tree::read_json(input, plan);
    std::string authority = plan.get<std::string>("authority");
    std::vector<size_t> sizes;
    for (const auto& size : plan.get_child("sizes")) sizes.push_back(size.second.get_value<size_t>());
    std::map<std::string, std::string> urls;
    for (const auto& url : plan.get_child("urls")) urls[url.first] = url.second.data();

    std::string name = arguments[1];
    auto client = name == "beast" ? beast(authority)
        : name == "websocketpp" ? websocketpp_client(authority) : libwebsockets(authority);
    std::cout << "{\"version\": " << quoted(client->version()) << "}" << std::endl;
    for (const auto& entry : plan.get_child("scenarios")) {
        const std::string& scenario = entry.second.data();
        std::string outcome = "passed", why;
        try {
            play(*client, scenario, urls.at(scenario), sizes);
        } catch (const NotApplicable& reason) {
            outcome = "not applicable", why = reason.what();
        } catch (const std::exception& error) {
            outcome = "failed", why = error.what();
        }
        std::cout << "{\"scenario\": " << quoted(scenario) << ", \"outcome\": " << quoted(outcome)
                  << ", \"why\": " << quoted(why) << "}" << std::endl;
    }
}
