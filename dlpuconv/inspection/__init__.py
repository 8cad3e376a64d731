"""What a file holds, layer by layer: `overview` and `details` for the terminal, `serialize` for JSON."""
