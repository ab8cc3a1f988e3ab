package sms;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.UUID;

/** What these tests command an emulator; its control API has the rest. */
final class World {
    final String url = System.getenv().getOrDefault("SMSCLOUDS_URL", "http://127.0.0.1:7672");
    final String token;
    private final HttpClient http = HttpClient.newHttpClient();

    /** Opens a world of its own, whose clock stands at noon in Mexico City. */
    World() throws Exception {
        var name = UUID.randomUUID().toString();
        command("POST", "worlds", "{'name': '%s', 'clock': '2026-03-02T18:00:00Z'}".formatted(name), "demo");
        token = "world-" + name;
    }

    void advance(int seconds) throws Exception {
        command("POST", "clock/advance", "{'seconds': %d}".formatted(seconds));
    }

    void settle() throws Exception {
        command("POST", "clock/settle", "{}");
    }

    void reply(String number, String text) throws Exception {
        command("POST", "inbound", "{'number': '%s', 'text': '%s'}".formatted(number, text));
    }

    void fault(String rule) throws Exception {
        command("POST", "faults", rule);
    }

    void pushTo(String url) throws Exception {
        command("PATCH", "account", "{'push_url': '%s'}".formatted(url));
    }

    int messages() throws Exception {
        return command("GET", "messages", "").get("count").getAsInt();
    }

    int orders() throws Exception {
        return command("GET", "journal?operation=createCampaign", "").getAsJsonArray("exchanges").size();
    }

    void close() throws Exception {
        command("DELETE", "world", "");
    }

    private JsonObject command(String method, String path, String body) throws Exception {
        return command(method, path, body, token);
    }

    private JsonObject command(String method, String path, String body, String token) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(url + "/_emulator/" + path))
            .method(method, BodyPublishers.ofString(body.replace('\'', '"')))
            .header("Authorization", "Bearer " + token)
            .header("Content-Type", "application/json")
            .build();
        var answer = http.send(request, BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException(answer.body());
        }
        return JsonParser.parseString(answer.body()).getAsJsonObject();
    }
}
