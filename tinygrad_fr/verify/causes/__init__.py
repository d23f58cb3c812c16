"""Why a gradient is wrong: all that is known of it, and the table of mistakes."""
