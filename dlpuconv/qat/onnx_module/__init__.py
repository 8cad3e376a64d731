"""The module of a network: its graph, its layers, and what its operators compute in torch."""
