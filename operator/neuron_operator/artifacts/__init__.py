"""The controller of NeuronArtifacts."""
