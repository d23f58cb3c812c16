"""The recorded graph, as drawing, deriving and verification read it."""
