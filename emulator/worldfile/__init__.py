"""What worldfile is: say it here."""
