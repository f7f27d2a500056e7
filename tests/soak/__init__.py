"""Long repetitions, on the lab."""
