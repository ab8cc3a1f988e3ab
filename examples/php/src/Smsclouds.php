<?php

declare(strict_types=1);

/** The platform said no; nothing was sent and nothing was paid. */
final class Refused extends RuntimeException
{
}

/** No usable answer came: look before you send anything again. */
final class Unanswered extends RuntimeException
{
}

/** A client of Smsclouds V3, with curl: one account, which one sender at a time uses. Copy it. */
final class Smsclouds
{
    /** @param int $pause seconds until the platform is done with what it was asked */
    public function __construct(
        private readonly string $url,
        private readonly string $token,
        private readonly int $pause = 30,
    ) {
    }

    /**
     * Send once, whatever happens on the way; return the campaign's number.
     *
     * The platform knows no idempotency key, but it charges a campaign when it takes it.
     * So the credit tells what became of an order without an answer: where it is what it
     * was, the order was not taken and is sent again. Where it is not, the number stays
     * unknown (null); replies come with the campaign's name.
     *
     * @param list<string> $cellphones
     */
    public function send(string $text, array $cellphones, string $name, int $route = 87): ?int
    {
        $order = [
            'text' => $text,
            'recipients' => array_map(fn (string $each) => ['cellphone' => $each], $cellphones),
            'campaign_name' => $name,
            'route' => $route,
        ];
        $credit = $this->credit();
        for ($attempt = 0; $attempt < 3; $attempt++) {
            try {
                return $this->ask('POST', '/api/v3/campaign', $order)['campaign'];
            } catch (Unanswered) {
                sleep($this->pause);
                if ($this->credit() !== $credit) {
                    return null;
                }
            }
        }
        throw new Unanswered('nothing was sent: the platform fails');
    }

    public function credit(): float
    {
        return (float) $this->ask('GET', '/api/v1/user')['data']['credit'];
    }

    /**
     * Return the percentage that is over, and the status of each cellphone.
     *
     * @return array{percentage: int, statuses: array<string, string>}
     */
    public function progress(int $campaign): array
    {
        $answer = $this->ask('GET', "/api/v3/campaign/$campaign/messages");
        return [
            'percentage' => $answer['percentage'],
            'statuses' => array_column($answer['data'], 'status', 'cellphone'),
        ];
    }

    /**
     * Return what was answered since "2026-03-02 12:00:00", oldest first.
     *
     * @return list<array<string, mixed>>
     */
    public function replies(string $since): array
    {
        return $this->ask('POST', '/api/v3/responses', ['type' => 1, 'from' => $since])['results'];
    }

    /** @return array<string, mixed> */
    private function ask(string $method, string $path, ?array $body = null): array
    {
        // A new handle each time: on a kept connection that dies, curl sends a request again by itself.
        $curl = curl_init($this->url . $path);
        curl_setopt_array($curl, [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 60,
            CURLOPT_HTTPHEADER => [
                "Authorization: Bearer {$this->token}",
                'Content-Type: application/json',
            ],
        ]);
        if ($body !== null) {
            curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode($body, JSON_THROW_ON_ERROR));
        }
        $text = curl_exec($curl);
        $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        if ($text === false) {
            throw new Unanswered(curl_error($curl));
        }
        $content = json_decode($text, true);
        if ($status >= 500 || !is_array($content)) {
            throw new Unanswered("$status: $text");
        }
        if ($status >= 400) {
            throw new Refused("$status: {$content['error']['information']}");
        }
        return $content;
    }
}
