"""What one can ask: a file for each public verb."""
