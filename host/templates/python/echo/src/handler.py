from ws_host import Client, Handler, serve


class Echo(Handler):
    def text(self, client: Client, message: str) -> None:
        client.send(message)

    def binary(self, client: Client, message: bytes) -> None:
        client.send(message)


serve(Echo())
