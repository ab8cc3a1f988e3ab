"""The message centre that clients of SMPP bind to, over the same accounts."""
