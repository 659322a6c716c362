"""Arguments → a drill → an exit code: the only rooms that print; clock, environment and seed are read here."""
