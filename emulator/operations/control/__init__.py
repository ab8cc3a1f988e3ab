"""What control is: say it here."""
