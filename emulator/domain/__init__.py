"""What the platform does: pure functions of values and an instant."""
