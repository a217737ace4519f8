"""One question in every dialect of the protocol has one answer; what is none is refused with a sentence."""

import base64
import json
from typing import Any

import grpc
import numpy as np
import pytest
from compiler.server.fronts import LENGTH, NAME, Front
from tritonclient.grpc import service_pb2 as pb

IDS = [[2, 6, 8, 3], [2, 7, 8, 3]]
TENSOR: dict[str, Any] = {"name": "input_ids", "datatype": "INT64", "shape": [2, 4], "data": IDS}
TEXT: dict[str, Any] = {"name": "text", "datatype": "BYTES", "shape": [1, 1], "data": [["cat sat"]]}
DOOR = f"/v2/models/{NAME}-text/infer"
PREDICT = f"/predictions/{NAME}"
METHOD = "/inference.GRPCInferenceService/ModelInfer"


def asked(tensor: dict[str, Any] = TENSOR, **changes: object) -> dict[str, Any]:
    return {"inputs": [{**tensor, **changes}]}


def binary(count: int = 2, **changes: object) -> tuple[bytes, dict[str, str]]:
    """The rows as bytes after the JSON."""
    content = np.array(IDS[:count], np.int64).tobytes()
    said = {**TENSOR, "shape": [count, 4], "parameters": {"binary_data_size": len(content)}, **changes}
    del said["data"]
    head = json.dumps({"inputs": [said]}).encode()
    return head + content, {LENGTH: str(len(head))}


def numbers(answer: tuple[int, Any]) -> list[float]:
    status, said = answer
    assert status == 200, said
    (output,) = said["outputs"]
    assert len(output["data"]) == np.prod(output["shape"])
    return list(output["data"])


TENSORS: dict[str, dict[str, Any]] = {
    "flat": asked(data=[*IDS[0], *IDS[1]]),
    "nulls for what is left out": {**asked(), "id": None, "parameters": None, "outputs": None},
    "null parameters of an input": asked(parameters=None),
    "no output chosen": {**asked(), "outputs": []},
    "the output by name": {**asked(), "outputs": [{"name": "logits"}]},
    "the output by name, in no binary": {
        **asked(), "outputs": [{"name": "logits", "parameters": {"binary_data": False}}],
    },
    "parameters that nothing here knows": {**asked(), "parameters": {"priority": 3}},
    "members that nothing here knows": {**asked(), "model_name": NAME},
}  # fmt: skip


@pytest.mark.parametrize("what", TENSORS)
def test_tensors_in_every_dialect_have_one_answer(front: Front, what: str) -> None:
    assert numbers(front.ask(TENSORS[what])) == pytest.approx(numbers(front.ask(asked())), abs=1e-6)


def test_tensors_in_binary_have_the_same_answer(front: Front) -> None:
    body, headers = binary()
    assert numbers(front.ask(body, headers)) == pytest.approx(numbers(front.ask(asked())), abs=1e-6)


TEXTS: dict[str, dict[str, Any]] = {
    "flat": asked(TEXT, data=["cat sat"]),
    "of the shape [1]": asked(TEXT, shape=[1], data=["cat sat"]),
    "in base64, as KServe's clients send files": asked(
        TEXT, data=[{"b64": base64.b64encode(b"cat sat").decode()}]
    ),
    "in base64 that a parameter tells of": asked(
        TEXT, data=[base64.b64encode(b"cat sat").decode()], parameters={"content_type": "base64"}
    ),
    "with a parameter": {**asked(TEXT), "parameters": {"truncation": True}},
}


@pytest.mark.parametrize("what", TEXTS)
def test_texts_in_every_dialect_have_one_answer(front: Front, what: str) -> None:
    status, said = front.ask(TEXTS[what], path=DOOR)
    right_status, right = front.ask(asked(TEXT), path=DOOR)
    assert (status, right_status) == (200, 200), (said, right)
    assert said["outputs"] == right["outputs"]


def test_several_texts_are_each_answered(front: Front) -> None:
    both = {"inputs": [{**TEXT, "shape": [2, 1], "data": ["cat sat", "the dog"]}]}
    status, said = front.ask(both, path=DOOR)
    alone = [front.ask(asked(TEXT, data=[text]), path=DOOR)[1] for text in ("cat sat", "the dog")]
    assert status == 200
    for together, *own in zip(said["outputs"], *(each["outputs"] for each in alone), strict=True):
        apart = [value for output in own for value in output["data"]]
        assert (
            together["data"] == pytest.approx(apart, abs=1e-5) if together["datatype"] != "BYTES" else apart
        )


def test_grpc_has_the_same_answers_typed_and_raw(front: Front) -> None:
    right = numbers(front.ask(asked()))
    with grpc.insecure_channel(f"127.0.0.1:{front.grpc}") as channel:
        ask = channel.unary_unary(
            METHOD, pb.ModelInferRequest.SerializeToString, pb.ModelInferResponse.FromString
        )
        for is_raw in (False, True):
            message = pb.ModelInferRequest(model_name=NAME, id="7")
            tensor = message.inputs.add(name="input_ids", datatype="INT64", shape=[2, 4])
            if is_raw:
                message.raw_input_contents.append(np.array(IDS, np.int64).tobytes())
            else:
                tensor.contents.int64_contents.extend([*IDS[0], *IDS[1]])
            answer = ask(message, timeout=60)
            assert (answer.id, answer.model_name) == ("7", NAME)
            found = np.frombuffer(answer.raw_output_contents[0], np.float32)
            assert found.tolist() == pytest.approx(right, abs=1e-6)


def test_what_grpc_asks_wrongly_is_refused_in_the_words_of_http(front: Front) -> None:
    wrong = asked(name="input_idz")
    status, said = front.ask(wrong)
    message = pb.ModelInferRequest(model_name=NAME)
    message.inputs.add(name="input_idz", datatype="INT64", shape=[2, 4])
    message.raw_input_contents.append(np.array(IDS, np.int64).tobytes())
    with grpc.insecure_channel(f"127.0.0.1:{front.grpc}") as channel:
        astray = pb.ModelInferRequest(model_name=NAME)
        tensor = astray.inputs.add(name="input_ids", datatype="INT64", shape=[2, 4])
        tensor.parameters["truncation"].bool_param = True
        astray.raw_input_contents.append(np.array(IDS, np.int64).tobytes())
        with pytest.raises(grpc.RpcError, match="truncation is a parameter of the request, and of no input"):
            channel.unary_unary(METHOD)(astray.SerializeToString(), timeout=60)
        for content in (message.SerializeToString(), b"\xff\xff\xff no message"):
            with pytest.raises(grpc.RpcError) as refused:
                channel.unary_unary(METHOD)(content, timeout=60)
            assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
            if content[:1] != b"\xff":
                assert (status, refused.value.details()) == (400, said["error"])
        health = channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=60)
        assert health == b"\x08\x01"


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b"cat sat", None),
        ({"text": "cat sat"}, None),
        ("cat sat", None),
        ({"text": ["cat sat", "the dog"]}, 2),
        (["cat sat", "the dog"], 2),
        ({"text": "cat sat", "text_pair": None}, None),
        ({"text": ["cat sat"], "text_pair": ["the dog"]}, 1),
        ({"text": "cat sat", "parameters": {"truncation": True}}, None),
    ],
    ids=str,
)
def test_predictions_answers_a_text_or_each_of_a_list(front: Front, body: Any, rows: int | None) -> None:
    kind = "text/plain" if isinstance(body, bytes) else "application/json"
    status, said = front.ask(body, {"Content-Type": kind}, PREDICT)
    assert status == 200, said
    assert isinstance(said, list) == (rows is not None)
    for each in said if rows else [said]:
        assert sum(each.values()) == pytest.approx(1, abs=1e-3)
    assert rows is None or len(said) == rows


def test_predictions_tells_as_many_labels_as_the_request_asks_for(front: Front) -> None:
    kind = {"Content-Type": "application/json"}
    _, every = front.ask({"text": "cat sat"}, kind, PREDICT)
    status, said = front.ask({"text": "cat sat", "parameters": {"top_k": 1}}, kind, PREDICT)
    assert (status, len(every) > 1) == (200, True)
    assert said == pytest.approx(dict([max(every.items(), key=lambda pair: pair[1])]), abs=1e-5)


def multipart(*fields: tuple[str, bytes]) -> tuple[bytes, str]:
    """A form as `curl -F` sends it, and its type."""
    head = b'--edge\r\nContent-Disposition: form-data; name="%s"; filename="a.txt"\r\n\r\n%s\r\n'
    parts = [head % (name.encode(), content) for name, content in fields]
    return b"".join([*parts, b"--edge--\r\n"]), 'multipart/form-data; boundary="edge"'


FORMS: dict[str, tuple[bytes, str | None]] = {
    "a file in a form": multipart(("data", b"cat sat")),
    "a field of its name": multipart(("text", b"cat sat")),
    "a line of fields": (b"text=cat+sat", "application/x-www-form-urlencoded"),
    "TorchServe's own field": (b"data=cat%20sat", "application/x-www-form-urlencoded"),
    "a text that curl calls a form": (b"cat sat", "application/x-www-form-urlencoded"),
    "JSON that curl calls a form": (b'{"text": "cat sat"}', "application/x-www-form-urlencoded"),
    "JSON that nobody names": (b' {"text": "cat sat"} ', None),
}


@pytest.mark.parametrize("what", FORMS)
def test_predictions_reads_a_form_as_what_it_holds(front: Front, what: str) -> None:
    body, kind = FORMS[what]
    right = front.ask(b"cat sat", {"Content-Type": "text/plain"}, PREDICT)
    assert front.ask(body, {"Content-Type": kind} if kind else {}, PREDICT) == (
        200,
        pytest.approx(right[1], abs=1e-5),
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        multipart(("text", b"a"), ("text", b"b")),
        multipart(("text", b"\xff\xfe")),
        multipart(("other", b"a")),
        (b"cat sat", "multipart/form-data"),
        (b"--edge\r\n\r\ncat", 'multipart/form-data; boundary="edge"'),
        multipart(*[(f"text{n}", b"a") for n in range(20)]),
    ],
)
def test_predictions_refuses_a_form_that_is_broken(front: Front, body: bytes, kind: str) -> None:
    status, said = front.ask(body, {"Content-Type": kind}, PREDICT)
    assert (status, len(said["error"].split()) > 3) == (400, True), said


@pytest.mark.parametrize(
    "body",
    [
        {"text": None}, {"text": {"en": "cat"}}, {"text": "\ud83d"}, {"text": []}, {"text": [None]}, {},
        {"text": ["cat"], "text_pair": "dog"}, {"text": "cat", "words": 3}, {"text": "cat " * 60},
        {"text": "cat", "parameters": 3}, None, 7,
    ],
    ids=str,
)  # fmt: skip
def test_predictions_refuses_what_is_no_text(front: Front, body: Any) -> None:
    status, said = front.ask(body, {"Content-Type": "application/json"}, PREDICT)
    assert (status, len(said["error"].split()) > 3) == (400, True), said


TWICE = b'{"inputs": [], "input\\u0073": [{"name": "a", "shape": [1], "datatype": "BOOL", "data": [1]}]}'
SURROGATE = b'{"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1, 1], "data": ["\\ud83d"]}]}'
WRONG: dict[str, tuple[object, dict[str, str], int, str]] = {
    "no JSON": (b"{", {}, 400, "The body is not JSON"),
    "nothing": (b"", {}, 400, "The body is not JSON"),
    "a list": ([1], {}, 400, "must be a JSON object"),
    "no inputs": ({}, {}, 400, "must have inputs"),
    "inputs of a wrong kind": ({"inputs": 0.5}, {}, 400, "must have inputs"),
    "an input twice": ({"inputs": [TENSOR, TENSOR]}, {}, 400, "there twice"),
    "no name": (asked(name=None), {}, 400, "an object with a name"),
    "an unknown datatype": (asked(datatype="FP99"), {}, 400, "datatype"),
    "a datatype of a wrong kind": (asked(datatype=[0]), {}, 400, "datatype"),
    "numbers as texts": (asked(data=[["2", "6", "8", "3"]] * 2), {}, 400, "can't be made of texts"),
    "numbers with a fraction": (asked(data=[[2.5, 6, 8, 3]] * 2), {}, 400, "numbers with a fraction"),
    "null among numbers": (asked(data=[[2, None, 8, 3]] * 2), {}, 400, "can't be made of null"),
    "true among numbers": (asked(data=[[2, True, 8, 3]] * 2), {}, 400, "can't be made of true or false"),
    "a huge number": (asked(data=[[2**70, 6, 8, 3]] * 2), {}, 400, "no INT64"),
    "a huge shape": (asked(shape=[2**31, 4]), {}, 400, "whole numbers"),
    "a huge product": (asked(shape=[100, 100]), {}, 400, "more elements"),
    "a huge size beside none": (asked(shape=[0, 2**30]), {}, 400, "more elements"),
    "a negative size": (asked(shape=[-1, 4]), {}, 400, "whole numbers"),
    "half a size": (asked(shape=[0.5]), {}, 400, "whole numbers"),
    "a shape of a wrong kind": (asked(shape={"a": 1}), {}, 400, "whole numbers"),
    "fewer data than the shape says": (asked(data=IDS[:1]), {}, 400, "8 elements"),
    "lists of unequal lengths": (asked(data=[[2, 6], [7]]), {}, 400, "unequal lengths"),
    "data deeper than the shape": (asked(data=[[[[2]]] * 4] * 2), {}, 400, "deeper than its shape"),
    "no number": (b'{"inputs": [{"data": [NaN]}]}', {}, 400, "The body is not JSON"),
    "data of a wrong kind": (asked(data="x"), {}, 400, "data must be a list"),
    "a binary size of a wrong kind": (asked(parameters={"binary_data_size": "x"}), {}, 400, "whole number"),
    "a request's parameter at an input": (
        asked(parameters={"top_k": 1}), {}, 400, "top_k is a parameter of the request",
    ),
    "shared memory": (asked(parameters={"shared_memory_region": "a"}), {}, 400, "shared memory"),
    "deep nesting": (b"[" * 9_000 + b"]" * 9_000, {}, 400, "nested deeper"),
    "a name twice": (TWICE, {}, 400, "twice"),
    "outputs of a wrong kind": ({**asked(), "outputs": 3}, {}, 400, "outputs must be a list"),
    "an output that is not there": ({**asked(), "outputs": [{"name": "x"}]}, {}, 400, "no output x"),
    "an input that is not there": (asked(name="x"), {}, 400, "no input x"),
    "a compressed body": (asked(), {"Content-Encoding": "gzip"}, 415, "Compressed"),
    "too much JSON": (b" " * 2**20, {}, 413, "in binary"),
    "too many values": (asked(data=[0] * 20_000, shape=[20_000]), {}, 413, "values"),
    "a negative header length": (asked(), {LENGTH: "-1"}, 400, LENGTH),
    "a header length beyond the body": (asked(), {LENGTH: "9999"}, 400, LENGTH),
    "a body that is too long": (b"{}", {"Content-Length": str(2**30)}, 413, "may have"),
    "bytes that belong to nothing": (binary()[0] + b"1", binary()[1], 400, "bytes follow"),
    "fewer bytes than the shape needs": (*binary(shape=[9, 4]), 400, "needs 288 bytes"),
    "half a surrogate pair": (SURROGATE, {}, 400, "surrogate"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_refused_with_a_sentence(front: Front, what: str) -> None:
    body, headers, status, words = WRONG[what]
    found, said = front.ask(body, headers)
    assert (found, words in said["error"]) == (status, True), said


def test_only_inferences_and_questions_about_models_are_answered(front: Front) -> None:
    refused = (
        "/v2/repository/models/m/unload",
        f"/v2/models/{NAME}/generate",
        "/v2/systemsharedmemory/region/a/register",
        f"/v2/models/{NAME}/versions/2/infer",
    )
    assert [front.ask(b"{}", path=path)[0] for path in refused] == [404] * 4
    paths = ("/v2", "/v2/health/live", "/v2/health/ready", "/ping", f"/v2/models/{NAME}")
    assert [front.get(path) for path in (*paths, f"/v2/models/{NAME}-text/config")] == [200] * 6
    assert front.get(f"/v2/models/{NAME}/infer") == 405
    assert front.ask(asked(), path=f"/v2/models/{NAME}/versions/1/infer")[0] == 200
