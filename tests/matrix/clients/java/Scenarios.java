// The scenarios of every client in Java: `java Scenarios CLASS PLAN`.

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Scenarios {
    private static final String PHRASE = "grüße, 世界, 🦀 ";

    /** By design, the client cannot do this. */
    private static class NotApplicable extends Exception {
        NotApplicable(String why) {
            super(why);
        }
    }

    private static void play(Library library, String scenario, String url, List<Integer> sizes) throws Exception {
        if (scenario.equals("refused")) {
            try {
                library.open(url);
            } catch (CompletionException expected) {
                return;
            }
            throw new Exception("opened although the server refuses it");
        }
        Socket socket = scenario.equals("subprotocol") ? library.open(url, "first.v1", "second.v2") : library.open(url);
        switch (scenario) {
            case "text" -> {
                for (int size : sizes) socket.echoes(textOf(size));
            }
            case "binary" -> {
                for (int size : sizes) socket.echoes(bytesOf(size));
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
                check("second.v2".equals(socket.subprotocol()), "the chosen subprotocol is " + socket.subprotocol());
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
                    socket.echoes(bytesOf(size));
                }
            }
            default -> throw new Exception("unknown scenario " + scenario);
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
            throw new NotApplicable("offers no compression and is served uncompressed");
        }
    }

    private static void check(boolean holds, String why) throws Exception {
        if (!holds) throw new Exception(why);
    }

    /** Returns a text of `size` bytes, not only ASCII. */
    private static String textOf(int size) {
        int length = PHRASE.getBytes(StandardCharsets.UTF_8).length;
        return PHRASE.repeat(size / length) + "x".repeat(size % length);
    }

    private static byte[] bytesOf(int size) {
        byte[] bytes = new byte[size];
        for (int index = 0; index < size; index++) bytes[index] = (byte) (index * 31);
        return bytes;
    }

    // The JDK has no JSON parser. A plan contains only strings without escapes, and lists of strings or numbers.

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
        System.setOut(new PrintStream(System.out, true, StandardCharsets.UTF_8));
        String plan = arguments[1];
        Trust trust = Trust.in(value(plan, "authority"));
        // By name, because only the classes whose libraries are installed are compiled.
        Library library = (Library) Class.forName(arguments[0]).getConstructor(Trust.class).newInstance(trust);
        print("version", library.version());
        List<Integer> sizes = Arrays.stream(value(plan, "sizes").split(",")).map(Integer::valueOf).toList();
        for (String quoted : value(plan, "scenarios").split(",")) {
            String scenario = quoted.replace("\"", "");
            String outcome = "passed";
            String why = "";
            try {
                play(library, scenario, value(plan, scenario), sizes);
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
