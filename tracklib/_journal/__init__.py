"""A run's directory: the journal, its records, and who owns them."""
