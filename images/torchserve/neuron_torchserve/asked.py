"""What a request to /predictions came to: not in the handler, where TorchServe allows one class alone."""

from dataclasses import dataclass

from neuron_serving.doors.door import Question


@dataclass(frozen=True)
class Asked:
    """A question to the door, and whether its rows came as a list, whose answers are a list too."""

    question: Question
    many: bool
