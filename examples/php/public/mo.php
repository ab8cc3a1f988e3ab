<?php

// Replies are pushed here: give the URL of this script to the account.
// Each is a file of its own, named by what it is, so that it counts once however often it is pushed.

declare(strict_types=1);

$inbox = getenv('SMSCLOUDS_INBOX') ?: sys_get_temp_dir();
$name = sha1(json_encode([$_GET['message_id'], $_GET['date'], $_GET['response']], JSON_THROW_ON_ERROR));
file_put_contents("$inbox/$name.json", json_encode($_GET, JSON_THROW_ON_ERROR));

echo 'ok'; // what the platform wants to read
