"""What a recipe does to a network before, and while, it becomes integers."""
