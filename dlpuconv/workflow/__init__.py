"""What the command line and the Python API both do with finished files: verify, compare, inspect."""
