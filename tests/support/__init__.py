"""What the tests, the demo and the benchmarks share: waiting, kubectl, images, and the chart's installation."""
