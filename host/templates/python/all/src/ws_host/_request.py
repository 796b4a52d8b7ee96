"""The request with which a client connected, how the handshake is answered, and how the connection ended."""

from typing import Iterable, Mapping
from urllib.parse import parse_qsl

from wit_world.imports import disconnection, handshake, requests

from ._data import Value, to_bytes
from ._host import attempt, text, whole


class Request:
    """The request of a client. It can be read until the end of `disconnected`."""

    __slots__ = ("_id",)

    def __init__(self, id: int) -> None:
        self._id = id

    @property
    def resource_name(self) -> str | None:
        """The name of the resource in the configuration."""
        return requests.resource_name(self._id)

    @property
    def path(self) -> str | None:
        """The path, with normalized percent-encoding."""
        return requests.path(self._id)

    @property
    def raw_query(self) -> str | None:
        """The part after the `?`, as the client wrote it."""
        return requests.query(self._id)

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query, decoded. Of several with one name, the first."""
        pairs = parse_qsl(self.raw_query or "", keep_blank_values=True)
        return dict(reversed(pairs))

    def param(self, name: str) -> str | None:
        """Returns a parameter of the path pattern: `param("id")` for `/room/{id}`."""
        return requests.parameter(self._id, text(name))

    @property
    def params(self) -> dict[str, str]:
        """All parameters of the path pattern."""
        return dict(requests.parameters(self._id))

    def header(self, name: str) -> str | None:
        """Returns the first header of this name, in any case, if its value is text."""
        return requests.header(self._id, text(name))

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """All headers with names in lower case. A value need not be text."""
        return requests.headers(self._id)

    @property
    def offered_subprotocols(self) -> list[str]:
        """The subprotocols that the client offered, in its order of preference."""
        return requests.offered_subprotocols(self._id)

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that was agreed on. None in `connected`."""
        return requests.subprotocol(self._id)

    @property
    def origin(self) -> str | None:
        """The origin of the web page that connects, if a browser sends it."""
        return requests.origin(self._id)

    @property
    def protocol_version(self) -> int | None:
        """13, or the version of an old draft: 8, 7 or 0."""
        return requests.protocol_version(self._id)

    @property
    def http_version(self) -> str | None:
        """`1.1` or `2`."""
        return requests.http_version(self._id)

    @property
    def address(self) -> str | None:
        """The IP address of the client, as a trusted proxy states it."""
        return requests.client_address(self._id)

    @property
    def peer_address(self) -> str | None:
        """The IP address of the other end of the connection."""
        return requests.peer_address(self._id)

    @property
    def peer_port(self) -> int | None:
        """The port of the other end of the connection."""
        return requests.peer_port(self._id)

    @property
    def local_address(self) -> str | None:
        """The IP address of the host's end of the connection."""
        return requests.local_address(self._id)

    @property
    def local_port(self) -> int | None:
        """The port of the host's end of the connection."""
        return requests.local_port(self._id)

    @property
    def secure(self) -> bool:
        """Whether the connection is encrypted."""
        return requests.secure(self._id)

    @property
    def server_name(self) -> str | None:
        """The server name that the client asked for in TLS."""
        return requests.server_name(self._id)

    @property
    def certificate(self) -> bytes | None:
        """The client's verified certificate, in DER."""
        return requests.certificate(self._id)

    @property
    def certificate_fingerprint(self) -> str | None:
        """The SHA-256 of the certificate, in hexadecimal digits."""
        return requests.certificate_fingerprint(self._id)

    @property
    def certificate_subject(self) -> str | None:
        """The subject of the certificate: `CN=alice,O=Example`."""
        return requests.certificate_subject(self._id)

    @property
    def certificate_names(self) -> list[str]:
        """The alternative names of the certificate: `dns:example.com`, `email:...`, `uri:...`, `ip:...`."""
        return requests.certificate_names(self._id)


class Rejection(Exception):
    """Raise it in `connected` to refuse the client: `raise Rejection(401, "who are you?\\n")`."""

    def __init__(
        self,
        status: int = 403,
        body: Value = "",
        content_type: str = "text/plain; charset=utf-8",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = list(headers.items() if isinstance(headers, Mapping) else headers)


class Handshake:
    """The response to a client that connects. Works only during `connected`."""

    __slots__ = ("_id",)

    def __init__(self, id: int) -> None:
        self._id = id

    def choose_subprotocol(self, name: str) -> None:
        """Chooses one of the subprotocols that the client offered."""
        attempt(lambda: handshake.choose_subprotocol(self._id, text(name)))

    def add_header(self, name: str, value: str) -> None:
        """Adds a header to the response, whether the client is accepted or refused."""
        attempt(lambda: handshake.add_header(self._id, text(name), text(value)))

    def _refuse(self, rejection: Rejection) -> None:
        attempt(lambda: handshake.set_status(self._id, whole(rejection.status, 599)))
        for name, value in rejection.headers:
            self.add_header(name, value)
        attempt(lambda: handshake.set_body(self._id, text(rejection.content_type), to_bytes(rejection.body)))


class Disconnection:
    """How a connection ended."""

    def __init__(self, id: int) -> None:
        self.cause: str | None = disconnection.cause(id)
        """What ended it: `client`, `handler`, `operator`, `lost`, `silent`, `slow`, `protocol-error`, `too-long`,
        `handler-failed`, `no-room`, `expired`, `moved`, `stopping`, or `not-opened` for a connection of `connect`. More may
        be added."""
        self.code: int | None = disconnection.code(id)
        """The code of the client's close frame; 1005 if it has none, 1006 if no close frame came."""
        self.reason: str | None = disconnection.reason(id)
        """The client's reason, or the host's description of what happened, for people."""
        self.clean: bool = disconnection.clean(id)
        """Whether a close frame went each way."""
        self.sent_code: int | None = disconnection.sent_code(id)
        """The code of the close frame that was sent to the client."""
