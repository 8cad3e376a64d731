"""Texts for people: how long they may be, what may stand in them, the words that options take."""
