"""What runs in the process that has TensorFlow, and is imported nowhere else: `tasks` says what it answers."""
