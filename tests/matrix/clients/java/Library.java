// The interface of all clients in Java.

import java.util.Arrays;
import java.util.concurrent.LinkedBlockingQueue;

/** A client library. Its constructor takes the trusted authority. */
interface Library {
    String version();

    /** Opens a WebSocket, or throws an exception. */
    Socket open(String url, String... subprotocols);
}

/** The server's close frame. */
record Closed(int code, String reason) {}

/** An open WebSocket. */
abstract class Socket {
    /** What was received, in order. Each is a String, a byte[], a Closed or a Throwable. */
    final LinkedBlockingQueue<Object> received = new LinkedBlockingQueue<>();

    abstract void send(Object message);

    /** Begins the closing handshake. */
    abstract void close(int code, String reason);

    abstract String subprotocol();

    Object receive() throws InterruptedException {
        return received.take();
    }

    void echoes(Object message) throws Exception {
        send(message);
        expect(message);
    }

    void expect(Object message) throws Exception {
        Object answer = receive();
        boolean isSame = message instanceof byte[] bytes && answer instanceof byte[] others
                ? Arrays.equals(bytes, others) : message.equals(answer);
        if (!isSame) throw new Exception("expected another message, got " + described(answer));
    }

    void leave(int code, String reason) throws Exception {
        close(code, reason);
        Object answer = receive();
        boolean isAnswer = answer instanceof Closed closed && closed.code() == code;
        if (!isAnswer) throw new Exception(code + " was answered with " + described(answer));
    }

    private static String described(Object message) {
        String text = message instanceof byte[] bytes ? bytes.length + " bytes" : message.toString();
        return text.substring(0, Math.min(text.length(), 100));
    }
}
