"""What makes the engine safe to hand to students: arguments, messages, NumPy, debugging."""
