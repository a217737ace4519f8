"""What the benchmarks run in a pod: the pipeline's overhead, and artifacts against eager mode."""
