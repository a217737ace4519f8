"""Valid, hostile and mutated requests from many clients at once, and what is wrong with the answers."""
