"""SMPP 3.4 as values: octets, PDUs and what a session may ask."""
