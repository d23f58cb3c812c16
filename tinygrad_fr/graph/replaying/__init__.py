"""A page that replays a computation and its backward pass."""
