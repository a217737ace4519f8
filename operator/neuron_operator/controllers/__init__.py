"""One reconcile of each resource: parse, observe, decide, carry out."""
