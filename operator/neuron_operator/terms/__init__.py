"""The words of the API and of Kubernetes: kinds, labels, names, reasons, targets. Every room uses them."""
