"""Uses each capability when a text message asks for it. Whatever fails is answered with the code of the error."""

import json

from ws_host import Client, ConnectError, Disconnection, Handler, Handshake, TimerError, broadcast, cancel_timer
from ws_host import config, connect, connections, keyvalue, serve, set_durable_timer


def answer(command: str, key: str = "", value: str = "") -> str | None:
    match command:
        case "config":
            return config.get(key) or "nothing"
        case "config-all":
            return json.dumps(config.get_all(), ensure_ascii=False, separators=(",", ":"))
        case "count":
            return str(keyvalue.open("numbers").increment(key))
        case "add":
            return str(keyvalue.open("numbers").increment(key, int(value)))
        case "set":
            keyvalue.open("texts").set(key, value)
        case "get":
            text = keyvalue.open("texts").get(key)
            return "nothing" if text is None else text.text()
        case "has":
            return str(keyvalue.open("texts").exists(key)).lower()
        case "delete":
            keyvalue.open("texts").delete(key)
        case "keys":
            return ",".join(keyvalue.open("texts").keys()) or "nothing"
        case "get-many":
            found = keyvalue.open("texts").get_many(key.split(","))
            return ",".join("nothing" if text is None else text.text() for text in found)
        case "set-many":
            keyvalue.open("texts").set_many({name: value for name in key.split(",")})
        case "delete-many":
            keyvalue.open("texts").delete_many(key.split(","))
        case "swap":
            expected, value = value.split(",")
            bucket = keyvalue.open("texts")
            return str(bucket.compare_and_swap(key, None if expected == "nothing" else expected, value)).lower()
        case "wrong":
            return str(keyvalue.open("texts").increment(key))
        case "connect":
            connect(key, subprotocols=["relay"], headers={"x-test": "of the handler"})
        case "remind":
            set_durable_timer(int(key), int(value) / 1000)
        case "read":
            with open(key) as file:
                return file.read()
        case "forget":
            return str(cancel_timer(int(key))).lower()
        case "url":
            return ",".join(server.url or "none" for server in connections()) or "nothing"
        case "say":
            for server in connections():
                server.send(key)
            return "said"
        case "leave":
            for server in connections():
                server.close()
            return "left"
        case _:
            return command
    return None


class Capabilities(Handler):
    def connected(self, client: Client, handshake: Handshake) -> None:
        if "relay" in client.request.offered_subprotocols:
            handshake.choose_subprotocol("relay")
            client.send(f"x-test: {client.request.header('x-test')}")

    def text(self, client: Client, message: str) -> None:
        if client.url is not None:
            broadcast(f"{client.request.subprotocol}: {message}")
            return
        try:
            client.send(answer(*message.split(" ")) or "done")
        except config.ConfigError:
            client.send("error: upstream")
        except (ConnectError, TimerError, keyvalue.KeyvalueError) as error:
            client.send(f"error: {error.code}")
        except OSError as error:
            client.send(f"error: {error.strerror}")

    def timer(self, timer: int) -> None:
        broadcast(f"timer {timer}")

    def disconnected(self, client: Client, end: Disconnection) -> None:
        if client.url is not None:
            broadcast(f"{end.cause}: {client.url}")


serve(Capabilities())
