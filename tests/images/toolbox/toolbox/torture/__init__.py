"""What runs in pods while compilers are killed: a watcher of the store, killers, a tiny model."""
