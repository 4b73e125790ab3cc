"""What hardware may say (`reports`), and what becomes of what it is asked to do (`orders`)."""
