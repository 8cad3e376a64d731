"""What workers run, by library; started by `serve.py`, never imported where strangers' files are read."""
