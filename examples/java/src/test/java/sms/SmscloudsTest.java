package sms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SmscloudsTest {
    private static final String PHONE = "4498987282";
    private static final String NOON = "2026-03-02 12:00:00";
    private static final int ROUTE = 87;

    private World world;
    private Smsclouds client;

    @BeforeEach
    void openWorld() throws Exception {
        world = new World();
        client = new Smsclouds(world.url, world.token, Duration.ZERO);
    }

    @AfterEach
    void closeWorld() throws Exception {
        world.close();
    }

    @Test
    void sendAndPoll() throws Exception {
        long campaign = client.send("hola", List.of(PHONE), "order 1", ROUTE).orElseThrow();

        world.advance(10);
        assertEquals(new Smsclouds.Progress(0, Map.of(PHONE, "in progress")), client.progress(campaign));

        world.advance(1);
        assertEquals(new Smsclouds.Progress(100, Map.of(PHONE, "sent")), client.progress(campaign));
    }

    @Test
    void aReplyIsPolled() throws Exception {
        client.send("hola", List.of(PHONE), "order 2", ROUTE);
        world.settle();

        world.reply(PHONE, "BAJA");

        var reply = client.replies(NOON).get(0);
        assertEquals("order 2", reply.campaign_name());
        assertEquals("BAJA", reply.response());
    }

    @Test
    void aReplyThatIsPushedTwiceIsOne() throws Exception {
        try (var receiver = new Receiver(0)) {
            world.pushTo(receiver.url());
            world.fault("{'operation': 'moPush', 'effect': {'push': 'duplicated'}}");
            client.send("hola", List.of(PHONE), "order 3", ROUTE);
            world.settle();

            world.reply(PHONE, "BAJA");
            world.settle();

            assertEquals(1, receiver.pushes().size());
            assertEquals(PHONE, receiver.pushes().get(0).cellphone());
            assertEquals("BAJA", receiver.pushes().get(0).response());
        }
    }

    @Test
    void aFailureIsNoSecondMessage() throws Exception {
        for (var phase : List.of("before", "after")) {
            for (var effect : List.of("{'status': 500}", "{'wire': 'close'}")) {
                int sent = world.messages();
                world.fault("{'operation': 'createCampaign', 'phase': '%s', 'first': 1, 'effect': %s}"
                    .formatted(phase, effect));

                var campaign = client.send("hola", List.of(PHONE), "order 4", ROUTE);

                assertEquals(sent + 1, world.messages());
                assertEquals(phase.equals("after"), campaign.isEmpty());
            }
        }
    }

    @Test
    void aCampaignWithoutANumberIsKnownByItsName() throws Exception {
        world.fault("{'operation': 'createCampaign', 'phase': 'after', 'effect': {'status': 500}}");
        client.send("hola", List.of(PHONE), "order 5", ROUTE);
        world.settle();

        world.reply(PHONE, "Si");

        assertEquals("order 5", client.replies(NOON).get(0).campaign_name());
    }

    @Test
    void whatThePlatformRefusesIsNotTriedAgain() throws Exception {
        var refused = assertThrows(
            Refused.class, () -> client.send("hola", List.of("123"), "order 6", ROUTE));

        assertTrue(refused.getMessage().startsWith("422"));
        assertEquals(1, world.orders());
    }

    @Test
    void aPlatformThatKeepsFailingGetsNothing() throws Exception {
        world.fault("{'operation': 'createCampaign', 'effect': {'status': 500}}");

        assertThrows(Unanswered.class, () -> client.send("hola", List.of(PHONE), "order 7", ROUTE));

        assertEquals(0, world.messages());
    }
}
