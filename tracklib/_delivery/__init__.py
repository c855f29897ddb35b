"""From the journal to the trackers: one tracker, one offset, delivered in order."""
