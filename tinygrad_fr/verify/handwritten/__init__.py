"""Somebody else's layer: its parts, its arguments, its gradients, its state."""
