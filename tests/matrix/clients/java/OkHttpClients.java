// OkHttp, which Android apps use.

import java.util.concurrent.CompletableFuture;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import okio.ByteString;

public class OkHttpClients implements Library {
    private final OkHttpClient http;

    public OkHttpClients(Trust trust) {
        http = new OkHttpClient.Builder().sslSocketFactory(trust.context().getSocketFactory(), trust.manager()).build();
    }

    @Override
    public String version() {
        return okhttp3.internal.Version.userAgent().replaceFirst("okhttp/", "");
    }

    @Override
    public Socket open(String url, String... subprotocols) {
        Request.Builder request = new Request.Builder().url(url);
        if (subprotocols.length > 0) request.header("Sec-WebSocket-Protocol", String.join(", ", subprotocols));
        OkSocket socket = new OkSocket();
        socket.socket = http.newWebSocket(request.build(), socket.listener);
        socket.opened.join();
        return socket;
    }

    private static class OkSocket extends Socket {
        private final CompletableFuture<Response> opened = new CompletableFuture<>();
        private WebSocket socket;

        private final WebSocketListener listener = new WebSocketListener() {
            @Override
            public void onOpen(WebSocket socket, Response response) {
                opened.complete(response);
            }

            @Override
            public void onMessage(WebSocket socket, String text) {
                received.add(text);
            }

            @Override
            public void onMessage(WebSocket socket, ByteString bytes) {
                received.add(bytes.toByteArray());
            }

            @Override
            public void onClosing(WebSocket socket, int code, String reason) {
                // OkHttp leaves the answer to the listener.
                socket.close(code, reason);
            }

            @Override
            public void onClosed(WebSocket socket, int code, String reason) {
                received.add(new Closed(code, reason));
            }

            @Override
            public void onFailure(WebSocket socket, Throwable error, Response response) {
                opened.completeExceptionally(error);
                received.add(error);
            }
        };

        @Override
        void send(Object message) {
            if (message instanceof String text) {
                socket.send(text);
            } else {
                socket.send(ByteString.of((byte[]) message));
            }
        }

        @Override
        void close(int code, String reason) {
            socket.close(code, reason);
        }

        @Override
        String subprotocol() {
            return opened.join().header("Sec-WebSocket-Protocol");
        }
    }
}
