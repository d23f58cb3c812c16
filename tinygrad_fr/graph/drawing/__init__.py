"""Pictures of a graph: what is drawn, how it looks, who renders it."""
