"""What every room uses and knows nothing of runs: secrets, names, files, variables, warnings."""
