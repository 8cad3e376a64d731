"""What people see: progress, results in a notebook, messages in the words of those who read them."""
