"""Floor 8: programs checked, runs started and resumed, and the session that Python programs use."""
