"""Doors to a model that take what people have, texts or pictures, and return what they want: labels with
scores, vectors, answers. The tensor model behind a door does the computing.

Nothing here imports torch or knows a server: a runtime asks the door what to compute, computes it, and asks
the door for the answer.
"""
