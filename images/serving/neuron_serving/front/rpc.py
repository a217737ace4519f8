"""The Open Inference Protocol over gRPC, on grpc.aio.

Messages are read as bytes and decoded here: bytes that are no message get a sentence, and one is asked for
only when there is room for it. Sources: the Open Inference Protocol, gRPC; grpc.io, "Keepalive".
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import grpc
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from tritonclient.grpc import service_pb2 as pb

from neuron_serving.front import describing, rpcmessages, wire
from neuron_serving.front.admission import Admission
from neuron_serving.front.models import Models
from neuron_serving.front.refusal import (
    NOT_FOUND,
    TIMED_OUT,
    TOO_LARGE,
    TOO_MANY,
    UNAVAILABLE,
    Refusal,
    invalid,
)
from neuron_serving.front.timing import in_time
from neuron_serving.limits import MAX_MESSAGE_BYTES, SMALL_BYTES

log = logging.getLogger("neuron_serving")

SERVICE = "/inference.GRPCInferenceService/"
HEALTH = "/grpc.health.v1.Health/Check"
# A connection that is so old is ended with GOAWAY, and its client connects anew: to any replica, also to one
# that is newer than the connection, and to none that is about to end. Less than the time to drain.
CONNECTION_AGE_SECONDS = 8
_AGE_GRACE_SECONDS = 600
_MESSAGE_SECONDS = 30
# Calls of one client whose messages are on their way: the library holds what has come.
_READING = 4
# Of all together.
_READING_OF_ALL = 16
_CALLS = 1024
# What names a model and its version.
_SHORT_BYTES = 4096
_STREAMS = 64
_SERVING = b"\x08\x01"
_NOT_SERVING = b"\x08\x02"

_CODES = {
    NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    TOO_MANY: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    TIMED_OUT: grpc.StatusCode.DEADLINE_EXCEEDED,
}

Context = Any
Unary = Callable[[Any, Context], Awaitable[bytes]]


def server(models: Models, address: str) -> grpc.aio.Server:
    """Return a server that is not started yet, bound to host:port."""
    made = grpc.aio.server(
        handlers=[_Handlers(models)],
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_concurrent_streams", _STREAMS),
            ("grpc.max_connection_age_ms", 1000 * CONNECTION_AGE_SECONDS),
            ("grpc.max_connection_age_grace_ms", 1000 * _AGE_GRACE_SECONDS),
            ("grpc.server_handshake_timeout_ms", 10_000),
            ("grpc.http2.bdp_probe", 0),
            ("grpc.so_reuseport", 0),
        ],
        maximum_concurrent_rpcs=2 * _CALLS,
        compression=grpc.Compression.NoCompression,
    )
    made.add_insecure_port(address)
    return made


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    def __init__(self, models: Models) -> None:
        self._models = models
        self._calls = Admission(_CALLS, "calls")
        self._reading: dict[str, asyncio.Semaphore] = {}
        self._reading_of_all = asyncio.Semaphore(_READING_OF_ALL)
        unary: dict[str, Unary] = {
            "ServerLive": self._live,
            "ServerReady": self._ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server,
            "ModelMetadata": self._metadata,
            "ModelConfig": self._configuration,
        }
        self._handlers = {
            SERVICE + name: grpc.stream_unary_rpc_method_handler(self._small(call))
            for name, call in unary.items()
        }
        self._handlers[HEALTH] = grpc.stream_unary_rpc_method_handler(self._small(self._health))
        # On the wire each is a unary call; so its message is asked for here, and in time. Of a handler of
        # unary calls the library holds all messages at once.
        self._handlers[f"{SERVICE}ModelInfer"] = grpc.stream_unary_rpc_method_handler(self._infer)

    def service(self, details: Any) -> Any:
        return self._handlers.get(details.method)

    async def _live(self, message: bytes, context: Context) -> bytes:
        return _bytes(pb.ServerLiveResponse(live=await self._models.backend.alive()))

    async def _ready(self, message: bytes, context: Context) -> bytes:
        return _bytes(pb.ServerReadyResponse(ready=await self._models.backend.ready()))

    async def _health(self, message: bytes, context: Context) -> bytes:
        return _SERVING if await self._models.backend.ready() else _NOT_SERVING

    async def _model_ready(self, message: bytes, context: Context) -> bytes:
        asked = _decoded(pb.ModelReadyRequest, message)
        self._models.named(asked.name, asked.version)
        return _bytes(pb.ModelReadyResponse(ready=await self._models.backend.ready()))

    async def _server(self, message: bytes, context: Context) -> bytes:
        return _bytes(pb.ServerMetadataResponse(**describing.server()))

    async def _metadata(self, message: bytes, context: Context) -> bytes:
        asked = _decoded(pb.ModelMetadataRequest, message)
        said = describing.model(self._models.named(asked.name, asked.version))
        return _bytes(json_format.ParseDict(said, pb.ModelMetadataResponse()))

    async def _configuration(self, message: bytes, context: Context) -> bytes:
        asked = _decoded(pb.ModelConfigRequest, message)
        said = describing.configuration(self._models.named(asked.name, asked.version))
        return _bytes(json_format.ParseDict({"config": said}, pb.ModelConfigResponse()))

    def _small(self, call: Unary) -> Unary:
        """A call whose message names a model at most."""

        async def answered(messages: Any, context: Context) -> bytes:
            source = _source(context)
            try:
                with self._calls.share(source) as one:
                    one.grow(1)
                    return await call(await self._short(source, context), context)
            except Refusal as refused:
                await _abort(context, refused.with_traceback(None))

        return answered

    async def _short(self, source: str, context: Context) -> bytes:
        message = await self._message(source, context)
        if len(message) > _SHORT_BYTES:
            raise Refusal(TOO_LARGE, f"A request of this operation may have {_SHORT_BYTES} bytes.")
        return message

    async def _infer(self, messages: Any, context: Context) -> bytes:
        source = _source(context)
        try:
            with self._calls.share(source) as call:
                call.grow(1)
                return await self._answer(await self._message(source, context), source)
        except Refusal as refused:
            # Its trace has the frames that have the message, which is let go now.
            await _abort(context, refused.with_traceback(None))
        # A call that has ended is not a failure of the server's.
        except (asyncio.CancelledError, grpc.aio.AbortError, grpc.aio.UsageError):
            raise
        # Whatever else happens belongs to this call; the server goes on.
        except Exception as error:
            log.exception("a call failed")
            await _abort(context, Refusal(500, f"{type(error).__name__}: {error}"))

    async def _message(self, source: str, context: Context) -> bytes:
        turn = self._reading.setdefault(source, asyncio.Semaphore(_READING))
        message = await in_time(self._read(context, turn), _MESSAGE_SECONDS)
        if message is grpc.aio.EOF:
            raise Refusal(TOO_LARGE, f"No message came; one may have {MAX_MESSAGE_BYTES} bytes.")
        found: bytes = message
        return found

    async def _read(self, context: Context, turn: asyncio.Semaphore) -> Any:
        async with turn, self._reading_of_all:
            return await context.read()

    async def _answer(self, message: bytes, source: str) -> bytes:
        with self._models.bytes.share(source) as share:
            if len(message) > SMALL_BYTES:
                share.grow(len(message))
            model = self._models.named(wire.model_name(message))
            if len(message) > model.limits.request_bytes:
                raise Refusal(
                    TOO_LARGE, f"A request may have {model.limits.request_bytes} bytes for this model."
                )
            wire.check(message, model.limits.values)
            asked = _decoded(pb.ModelInferRequest, message)
            self._models.named(asked.model_name, asked.model_version)
            request = rpcmessages.read(asked, len(message))
            answer = await self._models.infer(model, request, source, share)
            return _bytes(rpcmessages.write(answer))


def _source(context: Context) -> str:
    """Who calls: the guard gives each of some groups of clients an address of its own."""
    return str(context.peer()).rpartition(":")[0]


async def _abort(context: Context, refused: Refusal) -> NoReturn:
    code = _CODES.get(refused.status)
    if code is None:
        is_clients = 400 <= refused.status < 500
        code = grpc.StatusCode.INVALID_ARGUMENT if is_clients else grpc.StatusCode.INTERNAL
    metadata = tuple((name.lower(), value) for name, value in refused.headers.items())
    await context.abort(code, refused.sentence[:2000], metadata)
    raise AssertionError("aborting raises")


def _decoded(kind: Any, message: bytes) -> Any:
    try:
        return kind.FromString(message)
    except DecodeError as error:
        raise invalid("The request is no message of the Open Inference Protocol.") from error


def _bytes(message: Message) -> bytes:
    content: bytes = message.SerializeToString()
    return content
