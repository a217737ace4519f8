"""What is done to a model under traffic, again and again, and how many of the requests failed."""
