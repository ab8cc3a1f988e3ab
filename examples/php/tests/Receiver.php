<?php

declare(strict_types=1);

/** public/mo.php on a free port, and what it kept. */
final class Receiver
{
    public readonly string $url;
    private readonly string $inbox;
    /** @var resource */
    private $server;

    public function __construct()
    {
        $this->inbox = sys_get_temp_dir() . '/' . bin2hex(random_bytes(8));
        mkdir($this->inbox);
        $free = stream_socket_server('tcp://127.0.0.1:0');
        $address = stream_socket_get_name($free, false);
        fclose($free);
        $this->url = "http://$address/mo.php";
        $this->server = proc_open(
            [PHP_BINARY, '-S', $address, '-t', __DIR__ . '/../public'],
            [2 => ['pipe', 'w']],
            $pipes,
            env_vars: ['SMSCLOUDS_INBOX' => $this->inbox],
        );
        fgets($pipes[2]); // it says that it has started
    }

    /** @return list<array<string, string>> */
    public function replies(): array
    {
        return array_map(
            fn (string $file) => json_decode(file_get_contents($file), true),
            glob("{$this->inbox}/*.json"),
        );
    }

    public function close(): void
    {
        proc_terminate($this->server);
        array_map('unlink', glob("{$this->inbox}/*.json"));
        rmdir($this->inbox);
    }
}
