"""A checkpoint that a newer transformers has saved, in the words of this image's: the Neuron families have
transformers 4, and 5 says some things under other names. What 4 does not know it would leave out in silence.
"""
