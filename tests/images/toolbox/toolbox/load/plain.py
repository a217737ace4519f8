"""`python -m toolbox.load.plain ARTIFACT`: the plain alternative, FastAPI and uvicorn over the same artifact.

One request at a time, as people write it: no batching. POST /predict takes the bytes of input_ids INT64
[1, tokens] and answers the bytes of the first output FP32.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response
from neuron_artifact import read_manifest
from neuron_serving.loading import load

PORT = 8000


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="toolbox.load.plain", description=__doc__)
    parser.add_argument("artifact", type=Path)
    artifact: Path = parser.parse_args(words).artifact
    engine = load(artifact, read_manifest(artifact), {}, len(os.sched_getaffinity(0)))
    app = FastAPI()

    async def predict(request: Request) -> Response:
        ids = np.frombuffer(await request.body(), dtype=np.int64)[None]
        (answer,) = engine.run([{"input_ids": ids}])
        if isinstance(answer, Exception):
            return Response(str(answer), 400)
        return Response(next(iter(answer.values())).tobytes(), media_type="application/octet-stream")

    app.add_api_route("/predict", predict, methods=["POST"])
    uvicorn.run(app, host="0.0.0.0", port=PORT, log_level="warning")  # noqa: S104


if __name__ == "__main__":
    main()
