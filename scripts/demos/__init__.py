"""What scripts/demo shows, one module each: `TITLE`, and `run`, which returns the exit status."""
