// What all clients in Java can do.

import java.util.Arrays;
import java.util.concurrent.LinkedBlockingQueue;

/** A client library. It is made with whom it is to trust. */
interface Library {
    String version();

    /** An open WebSocket, or an exception. */
    Socket open(String url, String... subprotocols);
}

/** The end, as the server's close frame has it. */
record Closed(int code, String reason) {}

/** An open WebSocket. */
abstract class Socket {
    /** What came, in that order: a String, a byte[], a Closed, a Throwable. */
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
        if (!isSame) throw new Exception("not the message that was expected, but " + told(answer));
    }

    void leave(int code, String reason) throws Exception {
        close(code, reason);
        Object answer = receive();
        boolean isAnswer = answer instanceof Closed closed && closed.code() == code;
        if (!isAnswer) throw new Exception(code + " was answered with " + told(answer));
    }

    private static String told(Object message) {
        String told = message instanceof byte[] bytes ? bytes.length + " bytes" : message.toString();
        return told.substring(0, Math.min(told.length(), 100));
    }
}
