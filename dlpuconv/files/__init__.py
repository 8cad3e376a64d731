"""Files of ours and of others: opened, locked, kept for a while."""
