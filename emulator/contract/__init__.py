"""What contract is: say it here."""
