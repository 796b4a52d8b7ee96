"""Calls each function of the SDK, for the scenario `everything`."""

import os
from typing import Callable

from ws_host import Client, Disconnection, Handshake, broadcast, cancel_timer, clients, close_tagged, is_logged, log
from ws_host import publish, reason, send_tagged, set_timer, subscribers, tagged

_last: list[Handshake] = []


def connecting(handshake: Handshake) -> None:
    """Responds to a client, and keeps the response to try it too late."""
    handshake.add_header("x-handler", "faults")
    _last[:] = [handshake]


# What the SDK says in place of a word of the contract.
_WORDS = {
    "too long": "too-long",
    "a tag must": "invalid-tag",
    "the close code": "invalid-code",
    "a close reason": "reason-too-long",
    "compression must": "unknown",
    "the handshake has": "not-connecting",
}


def _outcome(call: Callable[[], object]) -> str:
    """Returns what a function that can fail has done, as the Go handler prints its error."""
    try:
        return "closed" if call() is False else "<nil>"
    except ValueError as error:
        text = str(error)
        return next((word for start, word in _WORDS.items() if text.startswith(start)), text)


def _say(client: Client, name: str, *values: object) -> None:
    shown = (str(value).lower() if isinstance(value, bool) else str(value) for value in values)
    client.send(f"{name}: {' '.join(shown)}")


def everything(client: Client) -> None:
    """Calls each function, and sends what they return. The other languages send the same lines."""
    gone = Client(client.id + 1_000_000)
    _about_request(client)
    log("warn", "from everything")
    _say(client, "log", is_logged("info"), is_logged("trace"), os.environ.get("GREETING"))
    _about_groups(client)

    _say(client, "options", _outcome(lambda: client.send("x", compression="sometimes")))
    client.send(b"sent", compression="never")
    missed = broadcast("to many", to=[client, gone])
    _say(client, "missed", len(missed), missed == [gone])
    is_open = client.open and client.buffered is not None
    _say(client, "buffered", is_open, gone.buffered is not None, len(clients()))
    too_long = _outcome(lambda: client.ping(bytes(126)))
    pong = _outcome(lambda: client.pong("p"))
    _say(client, "pings", too_long, pong, _outcome(lambda: client.ping(b"p")))

    before = client.remaining
    client.expire(3600, 60)
    left = client.remaining or 0
    _say(client, "expiry", before is not None, 3540 < left <= 3600, client.keep(), client.keep())
    _say(client, "timers", _outcome(lambda: set_timer(9, 3600)), cancel_timer(9), cancel_timer(9))
    assert reason() is None and Disconnection(client.id).cause is None
    _say(client, "too late", _outcome(lambda: _last[0].add_header("x", "y")))
    code = _outcome(lambda: client.close(1))
    _say(client, "not closed", code, _outcome(lambda: client.close(1000, "x" * 124)))
    _say(client, "gone", gone.abort(), _outcome(lambda: gone.close()))


def _about_request(client: Client) -> None:
    r = client.request
    missing, none = r.header("x-missing") is not None, "none" in r.query
    name = f'"{r.query["name"]}"'
    _say(client, "request", r.resource_name, r.path, r.raw_query, name, r.header("X-Test"), missing, none)
    value = dict(r.headers)["x-bytes"].hex()
    params = "".join(f"{name}={value};" for name, value in r.params.items())
    _say(client, "lists", value, params, r.param("id"), ",".join(r.offered_subprotocols))
    _say(
        client,
        "connection",
        f"[{r.subprotocol or ''}]",
        f"[{r.origin or ''}]",
        r.protocol_version,
        r.http_version,
        r.address,
        r.local_address,
        r.peer_address == "127.0.0.1",
        (r.peer_port or 0) > 0,
        (r.local_port or 0) > 0,
        f"[{r.server_name or ''}]",
    )
    fingerprint, subject = r.certificate_fingerprint or "", r.certificate_subject or ""
    names = len(r.certificate_names)
    _say(client, "certificate", r.secure, r.certificate is not None, f"[{fingerprint}]", f"[{subject}]", names)


def _about_groups(client: Client) -> None:
    before = client.attachment is not None
    client.attach("a\0b")
    size = len(client.attachment or b"")
    _say(client, "attachment", before, size, _outcome(lambda: client.attach(bytes(20_000))))

    client.tag("b")
    client.tag("a")
    tags, found = ",".join(client.tags), len(tagged("a"))
    first, second = client.untag("a"), client.untag("a")
    _say(client, "tags", tags, found, first, second, _outcome(lambda: client.tag("")))
    send_tagged("b", "tagged")
    nobody = _outcome(lambda: close_tagged("nobody"))
    _say(client, "closed tagged", nobody, _outcome(lambda: close_tagged("b", 1)))

    client.subscribe("news")
    client.subscribe("more")
    topics, count = ",".join(client.topics), subscribers("news")
    first, second = client.unsubscribe("more"), client.unsubscribe("more")
    _say(client, "topics", topics, count, first, second, subscribers("more"))
    publish("news", b"published", max_frame=4)
    publish("news", "not for you", exclude=client)
    _say(client, "left", client.unsubscribe_all())
