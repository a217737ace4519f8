"""What runs in pods while compilers are killed: a watcher of the store, two kinds of killers, a tiny model."""
