"""Compiles, verifies and serves models on AWS Inferentia, Trainium or CPUs, driven by NeuronModels."""
