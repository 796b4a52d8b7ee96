// The WebSocket of java.net.http in the JDK.

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.CompletionStage;

public class JdkClient implements Library {
    private final HttpClient http;

    public JdkClient(Trust trust) {
        http = HttpClient.newBuilder().sslContext(trust.context()).build();
    }

    @Override
    public String version() {
        return System.getProperty("java.version");
    }

    @Override
    public Socket open(String url, String... subprotocols) {
        WebSocket.Builder builder = http.newWebSocketBuilder();
        if (subprotocols.length > 0) {
            builder.subprotocols(subprotocols[0], Arrays.copyOfRange(subprotocols, 1, subprotocols.length));
        }
        JdkSocket socket = new JdkSocket();
        socket.socket = builder.buildAsync(URI.create(url), socket).join();
        return socket;
    }

    /** Assembles messages, which arrive in parts. */
    private static class JdkSocket extends Socket implements WebSocket.Listener {
        private final StringBuilder text = new StringBuilder();
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private WebSocket socket;

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean isLast) {
            text.append(part);
            if (isLast) {
                received.add(text.toString());
                text.setLength(0);
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer part, boolean isLast) {
            byte[] copy = new byte[part.remaining()];
            part.get(copy);
            bytes.writeBytes(copy);
            if (isLast) {
                received.add(bytes.toByteArray());
                bytes.reset();
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            received.add(new Closed(code, reason));
            return null;
        }

        @Override
        public void onError(WebSocket socket, Throwable error) {
            received.add(error);
        }

        @Override
        void send(Object message) {
            if (message instanceof String text) {
                socket.sendText(text, true).join();
            } else {
                socket.sendBinary(ByteBuffer.wrap((byte[]) message), true).join();
            }
        }

        @Override
        void close(int code, String reason) {
            socket.sendClose(code, reason).join();
        }

        @Override
        String subprotocol() {
            return socket.getSubprotocol();
        }
    }
}
