"""The report: one HTML file that shows runs, and asks nobody for anything."""
