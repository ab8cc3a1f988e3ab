"""What background is: say it here."""
