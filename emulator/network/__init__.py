"""What network is: say it here."""
