"""QWebSocket of Qt 5, with the system's PyQt5."""

import collections
import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PyQt5.QtCore import QT_VERSION_STR, QCoreApplication, QEventLoop, QUrl
from PyQt5.QtNetwork import QAbstractSocket, QNetworkRequest, QSslCertificate, QSslConfiguration
from PyQt5.QtWebSockets import QWebSocket

from scenarios import NotApplicable, main, plan

application = QCoreApplication([])
trust = QSslConfiguration.defaultConfiguration()
trust.setCaCertificates(QSslCertificate.fromPath(plan()["authority"]))


def wait_for(holds):
    while not holds():
        application.processEvents(QEventLoop.WaitForMoreEvents)


class Socket:
    extensions = None
    subprotocol = None

    def __init__(self, url):
        self._messages = collections.deque()
        self._is_open = False
        self._is_closed = False
        self._socket = QWebSocket()
        self._socket.setSslConfiguration(trust)
        self._socket.textMessageReceived.connect(self._messages.append)
        self._socket.binaryMessageReceived.connect(lambda data: self._messages.append(bytes(data)))
        self._socket.connected.connect(self._connected)
        self._socket.disconnected.connect(self._disconnected)
        self._socket.error.connect(lambda _: self._disconnected())
        self._socket.open(QNetworkRequest(QUrl(url)))
        wait_for(lambda: self._is_open or self._is_closed)
        if not self._is_open:
            raise ConnectionError(self._socket.errorString())

    def _connected(self):
        self._is_open = True

    def _disconnected(self):
        self._is_closed = True

    def send(self, message):
        if isinstance(message, str):
            self._socket.sendTextMessage(message)
        else:
            self._socket.sendBinaryMessage(message)

    def receive(self):
        wait_for(lambda: self._messages or self._is_closed)
        if not self._messages:
            raise ConnectionError(f"closed with {self._socket.closeCode()}")
        return self._messages.popleft()

    def close(self, code, reason):
        self._socket.close(code, reason)

    def closed(self):
        wait_for(lambda: self._socket.state() == QAbstractSocket.UnconnectedState)
        return int(self._socket.closeCode()), self._socket.closeReason()


def open(url, subprotocols=None):
    if subprotocols:
        raise NotApplicable("does not support subprotocols before Qt 6.4")
    return Socket(url)


main(QT_VERSION_STR, open)
