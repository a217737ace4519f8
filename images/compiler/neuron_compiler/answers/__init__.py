"""The gate on answers: what users send, put through the door and the compiled modules, against what the
model's own library answers to the same.

`texts` and `pictures` make what is asked, `libraries` (one module for each kind of model) has the library
answer it, `asking` the door and the compiled modules, `expected` compares the two, and `verdict` sums up.
"""
