"""Floor 7: data, training, evaluation, checkpoints. Draws nothing and prints nothing: it yields events."""
