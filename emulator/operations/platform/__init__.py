"""What platform is: say it here."""
