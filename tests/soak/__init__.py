"""`python -m soak`: valid, hostile and mutated requests, half an hour long, to servers on a real cluster."""
