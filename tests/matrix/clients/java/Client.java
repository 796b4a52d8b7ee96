// The WebSocket of java.net.http in the JDK: `java Client.java PLAN`.

import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Client {
    private static final String PHRASE = "grüße, 世界, 🦀 ";

    /** The client cannot do this by design. */
    static class NotApplicable extends Exception {
        NotApplicable(String why) {
            super(why);
        }
    }

    /** What came: a String, a byte[], a Closed or a Throwable. */
    record Closed(int code, String reason) {}

    /** An open WebSocket, with whole messages in the order in which they came. */
    static class Socket implements WebSocket.Listener {
        private final LinkedBlockingQueue<Object> received = new LinkedBlockingQueue<>();
        private final StringBuilder text = new StringBuilder();
        private final java.io.ByteArrayOutputStream octets = new java.io.ByteArrayOutputStream();
        WebSocket socket;

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
            octets.writeBytes(copy);
            if (isLast) {
                received.add(octets.toByteArray());
                octets.reset();
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

        void send(Object message) {
            if (message instanceof String text) {
                socket.sendText(text, true).join();
            } else {
                socket.sendBinary(ByteBuffer.wrap((byte[]) message), true).join();
            }
        }

        Object receive() throws InterruptedException {
            return received.take();
        }

        void echoes(Object message) throws Exception {
            send(message);
            expect(message);
        }

        void expect(Object message) throws Exception {
            Object answer = receive();
            boolean isSame = message instanceof byte[] octets && answer instanceof byte[] others
                    ? Arrays.equals(octets, others) : message.equals(answer);
            check(isSame, "not the message that was expected, but " + told(answer));
        }

        void leave(int code, String reason) throws Exception {
            socket.sendClose(code, reason).join();
            Object answer = receive();
            check(answer instanceof Closed closed && closed.code() == code, code + " was answered with " + told(answer));
        }

        private static String told(Object message) {
            String told = message instanceof byte[] octets ? octets.length + " octets" : message.toString();
            return told.substring(0, Math.min(told.length(), 100));
        }
    }

    private final HttpClient http;

    Client(String authority) throws Exception {
        KeyStore roots = KeyStore.getInstance(KeyStore.getDefaultType());
        roots.load(null);
        try (FileInputStream file = new FileInputStream(authority)) {
            roots.setCertificateEntry("authority", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(roots);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        http = HttpClient.newBuilder().sslContext(context).build();
    }

    Socket open(String url, String... subprotocols) {
        Socket socket = new Socket();
        WebSocket.Builder builder = http.newWebSocketBuilder();
        if (subprotocols.length > 0) {
            builder.subprotocols(subprotocols[0], Arrays.copyOfRange(subprotocols, 1, subprotocols.length));
        }
        socket.socket = builder.buildAsync(URI.create(url), socket).join();
        return socket;
    }

    void play(String scenario, String url, List<Integer> sizes) throws Exception {
        if (scenario.equals("refused")) {
            try {
                open(url);
            } catch (java.util.concurrent.CompletionException expected) {
                return;
            }
            throw new Exception("opened though the server refuses");
        }
        Socket socket = scenario.equals("subprotocol") ? open(url, "first.v1", "second.v2") : open(url);
        switch (scenario) {
            case "text" -> {
                for (int size : sizes) socket.echoes(textOf(size));
            }
            case "binary" -> {
                for (int size : sizes) socket.echoes(octetsOf(size));
            }
            case "in flight" -> {
                List<String> sent = new ArrayList<>();
                for (int number = 0; number < 500; number++) {
                    sent.add(number + " " + textOf(number * 7 % 300));
                    socket.send(sent.get(number));
                }
                for (String message : sent) socket.expect(message);
            }
            case "subprotocol" -> {
                check(socket.socket.getSubprotocol().equals("second.v2"), "chosen is " + socket.socket.getSubprotocol());
                socket.expect("welcome");
            }
            case "ping" -> {
                socket.send("are you there?");
                socket.expect("pong are you there?");
            }
            case "client closes" -> {
                socket.leave(4001, "enough 🦀");
                return;
            }
            case "server closes" -> {
                socket.send("close 4002 not today 🦀");
                socket.expect(new Closed(4002, "not today 🦀"));
                return;
            }
            case "compressed", "compressed with context" -> compressed(socket);
            case "wss" -> {
                for (int size : new int[] {1, 126, 65536, 300000}) {
                    socket.echoes(textOf(size));
                    socket.echoes(octetsOf(size));
                }
            }
            default -> throw new Exception("there is no scenario " + scenario);
        }
        socket.leave(1000, "");
    }

    private static void compressed(Socket socket) throws Exception {
        socket.send("request");
        String request = (String) socket.receive();
        for (int round = 0; round < 20; round++) socket.echoes(round + " " + textOf(300 * round));
        socket.echoes(textOf(200000));
        socket.echoes("short");
        if (!request.contains("sec-websocket-extensions")) {
            socket.leave(1000, "");
            throw new NotApplicable("offers no compression; is served without");
        }
    }

    static void check(boolean holds, String why) throws Exception {
        if (!holds) throw new Exception(why);
    }

    /** A text of so many octets, not only ASCII. */
    static String textOf(int size) {
        int length = PHRASE.getBytes(StandardCharsets.UTF_8).length;
        return PHRASE.repeat(size / length) + "x".repeat(size % length);
    }

    static byte[] octetsOf(int size) {
        byte[] octets = new byte[size];
        for (int index = 0; index < size; index++) octets[index] = (byte) (index * 31);
        return octets;
    }

    // The JDK has no JSON: a plan has only strings without escapes, and lists of them or of numbers.

    private static String value(String plan, String key) {
        Matcher found = Pattern.compile("\"" + Pattern.quote(key) + "\":(\"[^\"]*\"|\\[[^\\]]*\\])").matcher(plan);
        if (!found.find()) throw new IllegalArgumentException("no " + key + " in the plan");
        return found.group(1).substring(1, found.group(1).length() - 1);
    }

    private static void print(String... keysAndValues) {
        StringBuilder line = new StringBuilder();
        for (int index = 0; index < keysAndValues.length; index += 2) {
            String value = keysAndValues[index + 1].replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\s+", " ");
            line.append(line.isEmpty() ? "{" : ",").append("\"" + keysAndValues[index] + "\":\"" + value + "\"");
        }
        System.out.println(line + "}");
    }

    public static void main(String[] arguments) throws Exception {
        System.setOut(new java.io.PrintStream(System.out, true, StandardCharsets.UTF_8));
        String plan = arguments[0];
        print("version", System.getProperty("java.version"));
        Client client = new Client(value(plan, "authority"));
        List<Integer> sizes = Arrays.stream(value(plan, "sizes").split(",")).map(Integer::valueOf).toList();
        for (String quoted : value(plan, "scenarios").split(",")) {
            String scenario = quoted.replace("\"", "");
            String outcome = "passed";
            String why = "";
            try {
                client.play(scenario, value(plan, scenario), sizes);
            } catch (NotApplicable reason) {
                outcome = "not applicable";
                why = reason.getMessage();
            } catch (Exception error) {
                outcome = "failed";
                why = String.valueOf(error);
            }
            print("scenario", scenario, "outcome", outcome, "why", why);
        }
        System.exit(0);
    }
}
