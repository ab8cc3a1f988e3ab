"""What happens in a world by itself: due work, replies, receipts, keywords."""
