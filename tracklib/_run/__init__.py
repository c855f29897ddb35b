"""One run: how it begins, what it says, and how it ends."""
