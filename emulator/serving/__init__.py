"""What serving is: say it here."""
