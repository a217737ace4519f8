"""What tests, demo and benchmarks share: waiting, kubectl, images, and the chart's installation."""
