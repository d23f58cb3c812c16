"""What is right, and how surely: finite differences, comparison, kinks, what data cannot show."""
