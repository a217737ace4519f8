"""`python -m eks`: what only Neuron hardware can show, checked on somebody's own cluster."""
