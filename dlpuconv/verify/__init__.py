"""The shared verifier: rules, parity, report."""
