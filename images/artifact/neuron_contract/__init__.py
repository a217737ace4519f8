"""What the operator and the images say to each other, written once. Standard library only.

`request`: what a Job is asked to do; `report`: what it answers, in its termination message; `reasons`: why
something failed; `exits`: how a process ends; `variables`: names in a container's environment; `families`:
targets and their compilers; `steps`: the containers of a Job.
"""
