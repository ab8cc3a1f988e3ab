"""What command is: say it here."""
