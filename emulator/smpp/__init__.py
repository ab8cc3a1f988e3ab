"""The SMPP 3.4 door to the same accounts."""
