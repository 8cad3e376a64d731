"""What `scripts/public_api.py` does: finds the public names in the source, and tells what each of them promises."""
