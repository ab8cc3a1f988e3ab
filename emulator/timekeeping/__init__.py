"""What timekeeping is: say it here."""
