"""One module per Kubernetes noun: a pure function from what is wanted to a whole object."""
