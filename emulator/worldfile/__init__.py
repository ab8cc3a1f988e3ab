"""A world's file: read to an account, and written again."""
