"""The clock, the work that waits for an instant, and the log of what happened."""
