"""The edge for incoming HTTP requests."""
