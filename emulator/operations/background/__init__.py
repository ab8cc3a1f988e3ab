"""What happens in a world by itself: what is due, replies, receipts, keywords."""
