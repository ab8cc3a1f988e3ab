package sms;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/** A client of Smsclouds V3, with OkHttp: one account, with no other sender. Copy it. */
public final class Smsclouds {
    private static final MediaType JSON = MediaType.parse("application/json");
    private static final Gson GSON = new Gson();

    private final String url;
    private final String token;
    private final Duration pause;
    private final OkHttpClient http = new OkHttpClient.Builder()
        .readTimeout(Duration.ofSeconds(60))
        .retryOnConnectionFailure(false) // it would send an order again by itself
        .build();

    public record Reply(long message_id, String campaign_name, String response) {}

    public record Progress(int percentage, Map<String, String> statuses) {}

    private record Recipient(String cellphone) {}

    private record Order(String text, List<Recipient> recipients, String campaign_name, int route) {}

    private record Query(int type, String from) {}

    /** @param pause until the platform is done with what it was asked */
    public Smsclouds(String url, String token, Duration pause) {
        this.url = url;
        this.token = token;
        this.pause = pause;
    }

    /**
     * Sends once, whatever happens on the way, and returns the campaign's number.
     *
     * <p>The platform knows no idempotency key, but it charges a campaign when it takes it. So the
     * credit tells what became of an order without an answer: where it is what it was, the order was
     * not taken and is sent again. Where it is not, the number stays unknown (empty); replies come
     * with the campaign's name.
     */
    public synchronized OptionalLong send(String text, List<String> cellphones, String name, int route)
            throws InterruptedException {
        var order = new Order(text, cellphones.stream().map(Recipient::new).toList(), name, route);
        double credit = credit();
        for (int attempt = 0; attempt < 3; attempt++) {
            try {
                return OptionalLong.of(ask("POST", "/api/v3/campaign", order).get("campaign").getAsLong());
            } catch (Unanswered unanswered) {
                Thread.sleep(pause.toMillis());
                if (credit() != credit) {
                    return OptionalLong.empty();
                }
            }
        }
        throw new Unanswered("nothing was sent: the platform fails");
    }

    public double credit() {
        return ask("GET", "/api/v1/user", null).getAsJsonObject("data").get("credit").getAsDouble();
    }

    /** Returns the percentage that is over, and the status of each cellphone. */
    public Progress progress(long campaign) {
        var answer = ask("GET", "/api/v3/campaign/" + campaign + "/messages", null);
        var statuses = new HashMap<String, String>();
        for (var each : answer.getAsJsonArray("data")) {
            var message = each.getAsJsonObject();
            statuses.put(message.get("cellphone").getAsString(), message.get("status").getAsString());
        }
        return new Progress(answer.get("percentage").getAsInt(), statuses);
    }

    /** Returns what was answered since "2026-03-02 12:00:00", oldest first. */
    public List<Reply> replies(String since) {
        var answer = ask("POST", "/api/v3/responses", new Query(1, since));
        return List.of(GSON.fromJson(answer.get("results"), Reply[].class));
    }

    private JsonObject ask(String method, String path, Object body) {
        var request = new Request.Builder()
            .url(url + path)
            .method(method, body == null ? null : RequestBody.create(JSON, GSON.toJson(body)))
            .header("Authorization", "Bearer " + token)
            .build();
        try (Response answer = http.newCall(request).execute()) {
            var text = answer.body().string();
            if (answer.code() >= 500) {
                throw new Unanswered(answer.code() + ": " + text);
            }
            var content = GSON.fromJson(text, JsonObject.class);
            if (content == null) {
                throw new Unanswered(answer.code() + " without a body");
            }
            if (!answer.isSuccessful()) {
                var why = content.getAsJsonObject("error").get("information").getAsString();
                throw new Refused(answer.code() + ": " + why);
            }
            return content;
        } catch (IOException | JsonParseException cause) {
            throw new Unanswered(cause);
        }
    }
}
