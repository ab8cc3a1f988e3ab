// org.testcontainers:junit-jupiter, test scope; the client and the receiver are in examples/java
package sms;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.testcontainers.Testcontainers;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;

class ContainerTest {
    private static final String PHONE = "4498987282";
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    @Test
    void aReplyComesOutOfTheContainer() throws Exception {
        try (var receiver = new Receiver(0)) {
            int port = URI.create(receiver.url()).getPort();
            Testcontainers.exposeHostPorts(port);
            try (var container = new GenericContainer<>("smsclouds-emulator:0.1.0")
                    .withEnv("EMULATOR_MO_URL", "http://host.testcontainers.internal:" + port + "/mo")
                    .withExposedPorts(7672)
                    .waitingFor(Wait.forHttp("/_emulator/readyz").forPort(7672))) {
                container.start();
                var url = "http://" + container.getHost() + ":" + container.getMappedPort(7672);

                new Smsclouds(url, "world-one", Duration.ZERO)
                    .send("hola", List.of(PHONE), "order 1", 87);
                command(url + "/_emulator/clock/settle", "{}");
                command(
                    url + "/_emulator/inbound", "{\"number\": \"" + PHONE + "\", \"text\": \"BAJA\"}");
                command(url + "/_emulator/clock/settle", "{}"); // answers once the push was answered

                assertEquals("BAJA", receiver.pushes().get(0).response());
            }
        }
    }

    private static void command(String url, String body) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(url))
            .POST(BodyPublishers.ofString(body))
            .header("Authorization", "Bearer world-one")
            .header("Content-Type", "application/json")
            .build();
        assertEquals(200, HTTP.send(request, BodyHandlers.ofString()).statusCode());
    }
}
