"""What the edges share: the check of outgoing connections, and eager coroutines."""
