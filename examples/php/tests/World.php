<?php

declare(strict_types=1);

/** What these tests command an emulator; its control API has the rest. */
final class World
{
    public readonly string $url;
    public readonly string $token;

    /** Open a world of its own, whose clock stands at noon in Mexico City. */
    public function __construct()
    {
        $this->url = getenv('SMSCLOUDS_URL') ?: 'http://127.0.0.1:7672';
        $name = bin2hex(random_bytes(8));
        $this->command('POST', 'worlds', ['name' => $name, 'clock' => '2026-03-02T18:00:00Z'], 'demo');
        $this->token = "world-$name";
    }

    public function advance(int $seconds): void
    {
        $this->command('POST', 'clock/advance', ['seconds' => $seconds]);
    }

    public function settle(): void
    {
        $this->command('POST', 'clock/settle', new stdClass());
    }

    public function reply(string $number, string $text): void
    {
        $this->command('POST', 'inbound', ['number' => $number, 'text' => $text]);
    }

    public function fault(array $rule): void
    {
        $this->command('POST', 'faults', $rule);
    }

    public function pushTo(string $url): void
    {
        $this->command('PATCH', 'account', ['push_url' => $url]);
    }

    public function messages(): array
    {
        return $this->command('GET', 'messages')['messages'];
    }

    public function orders(): array
    {
        return $this->command('GET', 'journal?operation=createCampaign')['exchanges'];
    }

    public function close(): void
    {
        $this->command('DELETE', 'world');
    }

    private function command(string $method, string $path, mixed $body = null, ?string $token = null): array
    {
        $token ??= $this->token;
        $answer = file_get_contents("{$this->url}/_emulator/$path", false, stream_context_create(['http' => [
            'method' => $method,
            'header' => ["Authorization: Bearer $token", 'Content-Type: application/json'],
            'content' => $body === null ? '' : json_encode($body, JSON_THROW_ON_ERROR),
        ]]));
        return json_decode($answer, true, flags: JSON_THROW_ON_ERROR);
    }
}
