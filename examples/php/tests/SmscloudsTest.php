<?php

declare(strict_types=1);

use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/Receiver.php';
require_once __DIR__ . '/World.php';

final class SmscloudsTest extends TestCase
{
    private const PHONE = '4498987282';
    private const NOON = '2026-03-02 12:00:00';

    private World $world;
    private Smsclouds $client;

    protected function setUp(): void
    {
        $this->world = new World();
        $this->client = new Smsclouds($this->world->url, $this->world->token, pause: 0);
    }

    protected function tearDown(): void
    {
        $this->world->close();
    }

    public function testSendAndPoll(): void
    {
        $campaign = $this->client->send('hola', [self::PHONE], 'order 1');

        $this->world->advance(10);
        $this->assertProgress($campaign, 0, 'in progress');

        $this->world->advance(1);
        $this->assertProgress($campaign, 100, 'sent');
    }

    public function testAReplyIsPolled(): void
    {
        $this->client->send('hola', [self::PHONE], 'order 2');
        $this->world->settle();

        $this->world->reply(self::PHONE, 'BAJA');

        [$reply] = $this->client->replies(self::NOON);
        $this->assertSame('order 2', $reply['campaign_name']);
        $this->assertSame('BAJA', $reply['response']);
    }

    public function testAReplyThatIsPushedTwiceIsOne(): void
    {
        $receiver = new Receiver();
        try {
            $this->world->pushTo($receiver->url);
            $this->world->fault(['operation' => 'moPush', 'effect' => ['push' => 'duplicated']]);
            $this->client->send('hola', [self::PHONE], 'order 3');
            $this->world->settle();

            $this->world->reply(self::PHONE, 'BAJA');
            $this->world->settle();

            $replies = $receiver->replies();
            $this->assertCount(1, $replies);
            $this->assertSame(self::PHONE, $replies[0]['cellphone']);
            $this->assertSame('BAJA', $replies[0]['response']);
        } finally {
            $receiver->close();
        }
    }

    public function testAFailureIsNoSecondMessage(): void
    {
        foreach (['before', 'after'] as $phase) {
            foreach ([['status' => 500], ['wire' => 'close']] as $effect) {
                $sent = count($this->world->messages());
                $this->world->fault([
                    'operation' => 'createCampaign', 'phase' => $phase, 'first' => 1, 'effect' => $effect,
                ]);

                $campaign = $this->client->send('hola', [self::PHONE], 'order 4');

                $this->assertCount($sent + 1, $this->world->messages());
                $this->assertSame($phase === 'after', $campaign === null);
            }
        }
    }

    public function testACampaignWithoutANumberIsKnownByItsName(): void
    {
        $this->world->fault([
            'operation' => 'createCampaign', 'phase' => 'after', 'effect' => ['status' => 500],
        ]);
        $this->client->send('hola', [self::PHONE], 'order 5');
        $this->world->settle();

        $this->world->reply(self::PHONE, 'Si');

        $this->assertSame('order 5', $this->client->replies(self::NOON)[0]['campaign_name']);
    }

    public function testWhatThePlatformRefusesIsNotTriedAgain(): void
    {
        try {
            $this->client->send('hola', ['123'], 'order 6');
            $this->fail('the platform takes ten digits');
        } catch (Refused $refused) {
            $this->assertStringContainsString('422', $refused->getMessage());
        }

        $this->assertCount(1, $this->world->orders());
    }

    public function testAPlatformThatKeepsFailingGetsNothing(): void
    {
        $this->world->fault(['operation' => 'createCampaign', 'effect' => ['status' => 500]]);

        try {
            $this->client->send('hola', [self::PHONE], 'order 7');
            $this->fail('nobody took it');
        } catch (Unanswered) {
            $this->assertSame([], $this->world->messages());
        }
    }

    private function assertProgress(int $campaign, int $percentage, string $status): void
    {
        $wanted = ['percentage' => $percentage, 'statuses' => [self::PHONE => $status]];
        $this->assertEquals($wanted, $this->client->progress($campaign));
    }
}
