"""What the edges share: the gate of what dials out, and work begun by a callback."""
