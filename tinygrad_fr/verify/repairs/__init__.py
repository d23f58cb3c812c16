"""The smallest edit of the student's own code that makes it right."""
