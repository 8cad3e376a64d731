"""The shared verifier: rules, granularity, parity, verdict, report.

Targets import rules from here, which must cost nothing to import.
"""
