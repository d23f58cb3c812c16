"""The tape: recording operations, and walking them backwards."""
