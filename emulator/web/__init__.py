"""The edge where HTTP comes in."""
