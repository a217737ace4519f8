"""`python -m toolbox.hub`: serves directories of models as the Hugging Face hub serves repositories.

Only what huggingface_hub's client needs to download a model, with the hub's headers and errors:
`/api/models/<repository>[/revision/<revision>]`, `/api/models/<repository>/tree/<revision>` and
`/<repository>/resolve/<revision>/<file>`. A directory of the root is `example/<directory>` for everybody,
`private/<directory>` for whoever has the token, and `gated/<directory>` for nobody; one that lies two levels
deep is `<directory>/<directory>`. Every repository has one revision, `main`, whose commit follows from its
files.
Source: huggingface_hub, utils/_http.py (hf_raise_for_status) and file_download.py (get_hf_file_metadata).
"""

import argparse
import json
import shutil
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from toolbox.hubfiles import Repository, byte_range

BRANCH = "main"
# Every address of the pod, the only place this runs.
ANY_ADDRESS = ""


@dataclass
class RefusalError(Exception):
    """An answer of the hub that is an error: status, X-Error-Code and X-Error-Message."""

    status: HTTPStatus
    code: str
    message: str


@dataclass(frozen=True)
class Hub:
    """Which repositories there are, and who may read them."""

    root: Path
    token: str

    def repository(self, name: str, authorization: str | None) -> Repository:
        """Return the repository `organisation/directory`. Raises RefusalError."""
        organisation, _, directory = name.partition("/")
        own = organisation in ("example", "private", "gated")
        found = self.root / directory if own else self.root / organisation / directory
        readable = organisation != "private" or authorization == f"Bearer {self.token}"
        if not readable or ".." in name or not (found / "config.json").is_file():
            # The hub does not tell whether a repository that may not be read exists.
            status = HTTPStatus.NOT_FOUND if authorization else HTTPStatus.UNAUTHORIZED
            raise RefusalError(status, "RepoNotFound", "Repository not found")
        if organisation == "gated":
            message = f"Access to model {name} is restricted. You must have access to it."
            raise RefusalError(HTTPStatus.FORBIDDEN, "GatedRepo", message)
        return Repository(name, found)


class Handler(BaseHTTPRequestHandler):
    """One request; the paths are those of the module's docstring."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        try:
            if path.startswith("/api/models/") and "/tree/" in path:
                self._tree(path.removeprefix("/api/models/"), body)
            elif path.startswith("/api/models/"):
                self._model_info(path.removeprefix("/api/models/"), body)
            else:
                self._file(path.removeprefix("/"), body)
        except RefusalError as refusal:
            self._send(
                refusal.status,
                json.dumps({"error": refusal.message}).encode(),
                body,
                {"X-Error-Code": refusal.code, "X-Error-Message": refusal.message},
            )

    def _model_info(self, path: str, body: bool) -> None:
        name, _, revision = path.partition("/revision/")
        repository = self._repository(name, revision or BRANCH)
        info = {
            "id": repository.name,
            "modelId": repository.name,
            "sha": repository.commit(),
            "private": name.startswith("private/"),
            "gated": False,
            "disabled": False,
            "tags": [],
            "siblings": [repository.sibling(file) for file in repository.files()],
        }
        self._send(HTTPStatus.OK, json.dumps(info).encode(), body, {"Content-Type": "application/json"})

    def _tree(self, path: str, body: bool) -> None:
        name, _, revision = path.partition("/tree/")
        repository = self._repository(name, revision)
        files = [
            {
                "type": "file",
                "path": file,
                "oid": repository.etag(file),
                "size": (repository.directory / file).stat().st_size,
            }
            for file in repository.files()
        ]
        self._send(HTTPStatus.OK, json.dumps(files).encode(), body, {"Content-Type": "application/json"})

    def _file(self, path: str, body: bool) -> None:
        name, separator, rest = path.partition("/resolve/")
        revision, _, file = rest.partition("/")
        if not separator or not file:
            raise RefusalError(HTTPStatus.NOT_FOUND, "RepoNotFound", "Repository not found")
        repository = self._repository(name, revision)
        if file not in repository.files():
            raise RefusalError(HTTPStatus.NOT_FOUND, "EntryNotFound", "Entry not found")
        headers = {
            "ETag": f'"{repository.etag(file)}"',
            "X-Repo-Commit": repository.commit(),
            "Accept-Ranges": "bytes",
        }
        size = (repository.directory / file).stat().st_size
        start, stop = byte_range(self.headers.get("Range"), size)
        partial = (start, stop) != (0, size)
        if partial:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        self.send_response(HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
        for key, value in {**headers, "Content-Length": str(stop - start)}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            with (repository.directory / file).open("rb") as source:
                source.seek(start)
                if stop == size:
                    shutil.copyfileobj(source, self.wfile)
                else:
                    self.wfile.write(source.read(stop - start))

    def _repository(self, name: str, revision: str) -> Repository:
        repository = self.hub.repository(name, self.headers.get("Authorization"))
        if revision not in (BRANCH, repository.commit()):
            raise RefusalError(HTTPStatus.NOT_FOUND, "RevisionNotFound", f"Invalid rev id: {revision}")
        return repository

    def _send(self, status: HTTPStatus, content: bytes, body: bool, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(content)


def serve(hub: Hub, port: int, address: str) -> ThreadingHTTPServer:
    """Return a server of the hub, bound to its port (0: any) and not yet serving."""
    return ThreadingHTTPServer((address, port), type("HubHandler", (Handler,), {"hub": hub}))


def main() -> None:
    parser = argparse.ArgumentParser(prog="toolbox.hub", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="the directory that holds the models")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--token", default="hf_test", help="what opens the private repositories")
    arguments = parser.parse_args()
    print(f"serving the models in {arguments.root} on port {arguments.port}", flush=True)
    serve(Hub(arguments.root, arguments.token), arguments.port, ANY_ADDRESS).serve_forever()


if __name__ == "__main__":
    main()
