"""The server of the Open Inference Protocol that both runtimes have in front of their models.

HAProxy (guard.py) is the door to the street: it bounds connections and answers probes. Behind it one process
reads requests (rest.py, rpc.py), admits them (admission.py) and answers them (models.py); a runtime gives it
a backend that computes tensors. So both runtimes answer alike.
"""
