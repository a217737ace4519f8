"""The set of requests that both runtimes are asked."""

from toolbox.alike.requests import INFER, PREDICT, TEXT, draw
from toolbox.soak.mutants import Originals

ORIGINALS = Originals({"inputs": []}, {"inputs": []}, b"", (b"message",))


def test_a_seed_draws_the_same_requests_again() -> None:
    assert list(draw(7, 200, ORIGINALS)) == list(draw(7, 200, ORIGINALS))
    assert list(draw(7, 200, ORIGINALS)) != list(draw(8, 200, ORIGINALS))


def test_every_door_and_protocol_is_asked() -> None:
    drawn = list(draw(1, 500, ORIGINALS))
    assert {INFER, TEXT, PREDICT} < {asked.path for asked in drawn}
    assert {asked.protocol for asked in drawn} == {"HTTP", "gRPC"}
    assert {asked.method for asked in drawn} > {"GET", "POST", "PUT"}
