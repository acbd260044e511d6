"""Floor 8: a program that is written and run piece by piece. Text goes in, answers come out as plain data."""
