package sms;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A server that replies are pushed to; it keeps each once. Give its URL to the account. */
public final class Receiver implements AutoCloseable {
    private final HttpServer server;
    private final Set<Push> pushes = Collections.synchronizedSet(new LinkedHashSet<>());

    public record Push(String message_id, String cellphone, String response, String date) {}

    /** @param port where to listen; 0 is a free one */
    public Receiver(int port) throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/mo", exchange -> {
            var told = parameters(exchange.getRequestURI().getRawQuery());
            pushes.add(new Push(
                told.get("message_id"), told.get("cellphone"), told.get("response"), told.get("date")));
            var ok = "ok".getBytes(StandardCharsets.UTF_8); // what the platform wants to read
            exchange.sendResponseHeaders(200, ok.length);
            try (var body = exchange.getResponseBody()) {
                body.write(ok);
            }
        });
        server.start();
    }

    public String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort() + "/mo";
    }

    public List<Push> pushes() {
        synchronized (pushes) {
            return new ArrayList<>(pushes);
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }

    private static Map<String, String> parameters(String query) {
        var parameters = new HashMap<String, String>();
        for (var pair : query.split("&")) {
            var parts = pair.split("=", 2);
            parameters.put(decoded(parts[0]), parts.length == 2 ? decoded(parts[1]) : "");
        }
        return parameters;
    }

    private static String decoded(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }
}
