"""Where one number comes from: the entries that made it, and the gradients that flow into it."""
