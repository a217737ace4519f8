"""What the front asks tritonserver, asked of a front: both speak the protocol."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from compiler.server.fronts import NAME, Front
from neuron_artifact import read_manifest
from neuron_serving.front.refusal import Refusal
from neuron_serving.tensors import RefusedError
from neuron_triton.tritonserver import Tritonserver

IDS = np.array([[2, 6, 8, 3]], dtype=np.int64)


def test_tensors_come_back_and_refusals_keep_their_words(front: Front, artifact: Path) -> None:
    async def asking() -> None:
        async with Tritonserver(NAME, read_manifest(artifact), f"127.0.0.1:{front.port}") as backend:
            assert await backend.ready()
            assert await backend.alive()
            answer = await backend.compute({"input_ids": IDS}, "7")
            assert {name: array.shape for name, array in answer.items()} == {"logits": (1, 2)}
            assert np.isfinite(answer["logits"]).all()
            with pytest.raises(RefusedError, match="outside 0 to 63"):
                await backend.compute({"input_ids": -IDS}, "8")

    asyncio.run(asking())


def test_a_server_that_is_not_there_is_neither_well_nor_a_clients_error(artifact: Path) -> None:
    async def asking() -> None:
        async with Tritonserver(NAME, read_manifest(artifact), "127.0.0.1:1") as backend:
            assert not await backend.ready()
            with pytest.raises(Refusal) as refused:
                await backend.compute({"input_ids": IDS}, "7")
            assert refused.value.status == 503

    asyncio.run(asking())
