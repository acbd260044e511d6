"""What `simplify` knows: rules by op, each a function that gives a simpler node of the same value, or None."""
