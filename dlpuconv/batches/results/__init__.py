"""What came of a batch, for people and for programs: sorted, compared with another one, and written in many forms."""
