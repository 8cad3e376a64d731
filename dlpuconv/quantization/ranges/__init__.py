"""Which real values the scale of each activation must hold."""
