"""The language: tracking, tracked and current."""
