"""What the operator knows of the cluster, and how it comes to know it."""
