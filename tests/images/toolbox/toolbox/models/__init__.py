"""A sweep over what exists: every architecture of transformers for the tasks here, one network of each
module of timm and the chains of sentence-transformers. Made tiny with random weights, each is compiled,
served through the door's code in this process, and compared with its own library.
"""
