"""Whatever a user hands over, as a flat dict of names to floats, or as plain params."""
