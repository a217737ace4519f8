"""The models of a server: `<name>` takes tensors; the door beside it, if any, takes texts or pictures."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from neuron_artifact import Manifest

from neuron_serving.doors.door import Door
from neuron_serving.doors.face import IMAGE, kind_of
from neuron_serving.front import results
from neuron_serving.front.admission import Admission, Share
from neuron_serving.front.datatypes import shown
from neuron_serving.front.messages import Answer, Output, Request
from neuron_serving.front.refusal import NOT_FOUND, TOO_LARGE, Refusal, invalid
from neuron_serving.front.turns import Turns
from neuron_serving.front.writing import VERSION
from neuron_serving.limits import (
    MAX_JSON_ANSWER_VALUES,
    TOTAL_BYTES,
    TOTAL_ROWS,
    Limits,
    door_limits,
    longest_sequence,
    public_sizes,
    tensor_limits,
)
from neuron_serving.loading import model_config
from neuron_serving.signature import signature
from neuron_serving.tensors import Array, RefusedError, check, completed

# Texts are tokenized and pictures decoded by so many threads: what one row may need at once, times this, is
# what all of them need.
DOOR_THREADS = 2
# Calls at the runtime at once, as many as its connections; more wait here, where each client has its turn.
_CALLS = 64


class Backend(Protocol):
    """What computes tensors."""

    async def compute(self, tensors: Mapping[str, Array], request_id: str) -> dict[str, Array]:
        """The outputs of the tensor model. Raises RefusedError, or Refusal where the model failed."""

    async def ready(self) -> bool:
        """Whether it can compute."""

    async def alive(self) -> bool:
        """Whether a restart would not help."""


class Model(Protocol):
    """What a client may ask."""

    name: str
    limits: Limits
    files: tuple[str, ...]

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """Name, datatype and shape of each, for the metadata."""

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """Name, datatype and shape of each, for the metadata."""

    @property
    def parameters(self) -> dict[str, str]:
        """What else a client may want to know."""

    async def answer(self, request: Request, rows: Share) -> dict[str, Array]:
        """All outputs by name. Raises RefusedError or Refusal."""


class TensorModel:
    """`<name>`: tensors, as they were compiled for."""

    files: tuple[str, ...] = ()

    def __init__(self, name: str, manifest: Manifest, config: Mapping[str, Any], backend: Backend) -> None:
        """`config` is the model's config.json, for the sizes of its tables."""
        self.name = name
        self._signature = signature(manifest, config)
        self.limits = tensor_limits(manifest)
        self._backend, self._manifest = backend, manifest
        self._turns = Turns(_CALLS)
        self.inputs = [metadata(each.name, each.dtype, each.dims) for each in manifest.inputs]
        self.outputs = [metadata(each.name, each.dtype, each.dims) for each in manifest.outputs]
        self.parameters = public_sizes(manifest)

    async def answer(self, request: Request, rows: Share) -> dict[str, Array]:
        """The outputs of the tensors. Raises RefusedError or Refusal."""
        # The runtime looks at them once more; but each would refuse them in words of its own.
        tensors = completed(request.inputs, self._signature)
        check(tensors, self._signature)
        self.check_results([tensors])
        return await self.compute(tensors, rows, request.id)

    def check_results(self, parts: Sequence[Mapping[str, Array]]) -> None:
        """Raises Refusal where the parts of one request become too much."""
        results.check(self._manifest, self._signature, parts)

    async def compute(self, tensors: Mapping[str, Array], rows: Share, request_id: str) -> dict[str, Array]:
        """The outputs of tensors that are right."""
        count = max((array.shape[0] for array in tensors.values() if array.ndim), default=1)
        # More are refused by the model, which says so.
        rows.grow(min(count, self.limits.rows))
        async with self._turns.turn(rows.source):
            return await self._backend.compute(tensors, request_id)


class DoorModel:
    """`<name>-text` or `<name>-image`: made ready and answered in threads of its own."""

    def __init__(self, door: Door, manifest: Manifest, model: TensorModel) -> None:
        self.name = f"{model.name}-{door.face.kind}"
        self._door, self._model = door, model
        self._threads = ThreadPoolExecutor(DOOR_THREADS, thread_name_prefix="door")
        self._turns = Turns(DOOR_THREADS)
        face = door.face
        longest = longest_sequence(manifest)
        self.limits = door_limits(manifest, sum(_count(each.dims, longest) for each in face.outputs))
        self.files = tuple(each.name for each in face.inputs) if face.kind == IMAGE else ()
        self.inputs = [metadata(each.name, each.dtype, each.dims) for each in face.inputs]
        self.outputs = [metadata(each.name, each.dtype, each.dims) for each in face.outputs]
        self.parameters = {
            **public_sizes(manifest),
            **({"labels": _json(face.labels)} if face.labels else {}),
        }

    async def answer(self, request: Request, rows: Share) -> dict[str, Array]:
        """The door's outputs. Raises RefusedError or Refusal."""
        unknown = [name for name in request.inputs if name not in {each["name"] for each in self.inputs}]
        if unknown:
            names = ", ".join(each["name"] for each in self.inputs)
            raise RefusedError(f"The model has no input {shown(unknown[0])}: its inputs are {names}.")
        loop = asyncio.get_running_loop()
        truncation = request.parameters.get("truncation")
        if truncation is not None and not isinstance(truncation, bool):
            raise invalid("The parameter truncation must be true or false.")
        async with self._turns.turn(rows.source):
            question = await loop.run_in_executor(
                self._threads, self._door.ask, request.inputs, truncation is True, request.parameters
            )
        self._model.check_results([part.tensors for part in question.parts])
        found = await asyncio.gather(
            *(self._model.compute(part.tensors, rows, request.id) for part in question.parts)
        )
        async with self._turns.turn(rows.source):
            return await loop.run_in_executor(self._threads, self._door.answer, question, found)


class Models:
    """All models of a server, and what their requests hold together."""

    def __init__(self, *models: Model, backend: Backend) -> None:
        self._by_name = {model.name: model for model in models}
        self.tensor = models[0]
        self.backend = backend
        self.bytes = Admission(TOTAL_BYTES, "bytes of requests")
        self._rows = Admission(TOTAL_ROWS, "rows")

    def named(self, name: str, version: str = "") -> Model:
        """The model of a name. Raises Refusal (404)."""
        if version not in ("", VERSION):
            raise Refusal(NOT_FOUND, f"There is no version {shown(version)}: the version is {VERSION}.")
        if name not in self._by_name:
            known = ", ".join(self._by_name)
            raise Refusal(NOT_FOUND, f"There is no model {shown(name)}: the models here are {known}.")
        return self._by_name[name]

    @property
    def door(self) -> Model | None:
        """The door beside the tensors, if there is one."""
        return next((model for model in self._by_name.values() if model is not self.tensor), None)

    async def infer(self, model: Model, request: Request, source: str, share: Share) -> Answer:
        """Answer a request of a client. Raises Refusal.

        `share` is what the request's bytes hold.
        """
        wanted = _wanted(model, request)
        count = max((array.shape[0] for array in request.inputs.values() if array.ndim), default=1)
        count = min(count, model.limits.rows)
        plain = [name for name, binary in wanted.items() if not binary]
        if plain and count * model.limits.answer_values > MAX_JSON_ANSWER_VALUES:
            raise Refusal(
                TOO_LARGE,
                f"{count} rows may become over {MAX_JSON_ANSWER_VALUES} numbers of JSON: send fewer rows, "
                "or ask for binary outputs.",
            )
        share.grow(count * model.limits.row_bytes)
        with self._rows.share(source) as rows:
            try:
                found = await model.answer(request, rows)
            except RefusedError as refused:
                raise invalid(str(refused)) from refused
        types = {each["name"]: each["datatype"] for each in model.outputs}
        return Answer(
            model.name,
            request.id,
            tuple(Output(name, types[name], found[name], binary) for name, binary in wanted.items()),
        )


def _wanted(model: Model, request: Request) -> dict[str, bool]:
    """The outputs that are wanted, and which in binary. Raises Refusal for one that there is not."""
    names = [each["name"] for each in model.outputs]
    if request.outputs is None:
        return dict.fromkeys(names, request.binary)
    for name in request.outputs:
        if name not in names:
            raise invalid(f"The model has no output {shown(name)}: its outputs are {', '.join(names)}.")
    return {name: request.binary if said is None else said for name, said in request.outputs.items()}


def metadata(name: str, dtype: str, dims: tuple[int | str, ...]) -> dict[str, Any]:
    """A tensor as the protocol's metadata have it; -1 is any size."""
    shape = [-1, *(-1 if isinstance(dim, str) else dim for dim in dims)]
    return {"name": name, "datatype": dtype, "shape": shape}


def _count(dims: tuple[int, ...], longest: int) -> int:
    count = 1
    for dim in dims:
        count *= longest if dim < 0 else dim
    return count


def _json(labels: tuple[str, ...]) -> str:
    return json.dumps(labels)


def opened(name: str, directory: Path, manifest: Manifest, backend: Backend) -> Models:
    """Return the models that serve the artifact in a directory. Raises what reading its files raises."""
    model = TensorModel(name, manifest, model_config(directory), backend)
    if kind_of(directory, manifest) is None:
        return Models(model, backend=backend)
    # The tokenizer's library is needed only where there is a door.
    from neuron_serving.doors.opening import open_door

    return Models(model, DoorModel(open_door(directory, manifest), manifest, model), backend=backend)
