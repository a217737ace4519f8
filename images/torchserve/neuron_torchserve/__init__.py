"""The second serving runtime: TorchServe, with a server of the Open Inference Protocol in front of it."""
