"""The chain rule written out, every line evaluated."""
