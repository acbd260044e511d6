"""Floor 9: the `gdl` command. With the prompt and the editor's server, the only code that prints."""
