"""The command line: ``tracklib ...``."""
