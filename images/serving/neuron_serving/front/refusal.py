"""Why a request has no answer."""

BAD_REQUEST, NOT_FOUND, METHOD, TIMED_OUT, TOO_LARGE, MEDIA, TOO_MANY = 400, 404, 405, 408, 413, 415, 429
FAILED, UNAVAILABLE = 500, 503
# When a client that came in a rush may come again.
RETRY_SECONDS = 1


class Refusal(Exception):
    """The HTTP status and the sentence that a client gets."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        # The id of the request, where it was read.
        self.request_id = ""

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the status."""
        return {"Retry-After": str(RETRY_SECONDS)} if self.status in (TOO_MANY, UNAVAILABLE) else {}


def invalid(sentence: str) -> Refusal:
    """The client's error."""
    return Refusal(BAD_REQUEST, sentence)
