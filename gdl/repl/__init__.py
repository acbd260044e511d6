"""Floor 9: the prompt in a terminal, in a pipe and in transcripts. It draws what `gdl.interactive` answers."""
