"""The controller of NeuronModels."""
