"""Collects everything around one resource from the stores, without a request."""

import hashlib
from collections.abc import Callable

from neuron_operator.api.artifact import COLLECTING, parse_artifact
from neuron_operator.api.model import NeuronModel
from neuron_operator.api.settings import Settings
from neuron_operator.artifacts import observed as artifacts
from neuron_operator.models import observed as models
from neuron_operator.reading.complaints import SILENCE, Heard
from neuron_operator.reading.nodes import Offer, is_cordoned, offer_of
from neuron_operator.reading.objects import (
    Object,
    annotations_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    status_of,
    uid_of,
)
from neuron_operator.reading.progress import Progress
from neuron_operator.reading.troubles import claims_of
from neuron_operator.terms import labels, names
from neuron_operator.terms.kinds import NEURON_ARTIFACT, NEURON_MODEL, POD, Kind
from neuron_operator.world.kept import DIGEST, LOADED, LONGEST_RETRY
from neuron_operator.world.store import User
from neuron_operator.world.stores import Stores

MOST_RETRIES = 256
"""Retries that status has room for, by its schema; beyond that a hash stands for the rest."""
ProgressOf = Callable[[list[Object]], Progress | None]


class Observer:
    """Reads the world as it is known now."""

    def __init__(
        self,
        stores: Stores,
        settings: Settings,
        progress_of: ProgressOf,
        heard: Heard = SILENCE,
    ) -> None:
        self._stores = stores
        self._settings = settings
        self._progress_of = progress_of
        self._heard = heard

    def body_of(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The NeuronModel's or NeuronArtifact's object, None where it is gone."""
        store = self._stores.models if kind == NEURON_MODEL else self._stores.artifacts
        return store.get((namespace, name))

    def around_model(self, model: NeuronModel) -> models.Observed:
        """Everything around a NeuronModel."""
        stores, namespace, name = self._stores, model.namespace, model.name
        own = (namespace, name)
        deployment = stores.deployments.get(own)
        artifacts_by_name = {}
        first_users = {}
        for artifact in self._artifact_names(model, deployment):
            body = stores.artifacts.get((namespace, artifact))
            if body is not None:
                artifacts_by_name[artifact] = body
            first = stores.users.first((namespace, artifact))
            if first is not None:
                first_users[artifact] = first.name
        pods = self._pods(namespace, labels.SERVER, name)
        return models.Observed(
            artifacts=artifacts_by_name,
            first_users=first_users,
            claim=stores.claims.get((namespace, names.MADE_CLAIM)),
            deployment=deployment,
            service=stores.services.get(own),
            autoscaler=stores.autoscalers.get(own),
            disruption_budget=stores.disruption_budgets.get(own),
            pods=pods,
            heard=self._heard_of(pods),
            offers=self.offers() if model.fallback else (),
            cordoned=frozenset(name_of(node) for node in self._stores.nodes.values() if is_cordoned(node)),
        )

    def around_artifact(self, body: Object) -> artifacts.Observed:
        """Everything around a NeuronArtifact."""
        namespace, name = namespace_of(body), name_of(body)
        jobs, users = self._stores.jobs, self._stores.users.all((namespace, name))
        servers = self._pods(namespace, LOADED, name)
        compile_pods = self._pods(namespace, labels.COMPILE, name)
        verify_pods = self._pods(namespace, labels.VERIFY, name)
        collect_pods = self._pods(namespace, labels.COLLECT, name)
        compile_job = jobs.get((namespace, names.compile_job_name(name)))
        collect_job = jobs.get((namespace, names.collect_job_name(name)))
        verify_job = jobs.get((namespace, names.verify_job_name(name)))
        scrub_job = jobs.get((namespace, names.scrub_job_name(name)))
        made = [job for job in (compile_job, collect_job, verify_job) if job is not None]
        return artifacts.Observed(
            body=body,
            compile_job=compile_job,
            collect_job=collect_job,
            verify_job=verify_job,
            scrub_job=scrub_job,
            scrub_pods=self._pods(namespace, labels.SCRUB, name),
            heard=self._heard_of([*made, *compile_pods, *verify_pods, *collect_pods]),
            compile_pods=compile_pods,
            verify_pods=verify_pods,
            collect_pods=collect_pods,
            claim=self._stores.claims.get((namespace, names.MADE_CLAIM)),
            users=sorted({user.name for user in users} | {labels_of(pod)[labels.MODEL] for pod in servers}),
            progress=self._progress_of([*compile_pods, *verify_pods]),
            retries=_retries(body, users),
            servers=servers,
            shares_files=not users and not servers and self._shares_files(body, namespace, name),
        )

    def offers(self) -> list[Offer]:
        """What the nodes offer that advertise extended resources, by name."""
        offers = [offer_of(node) for node in self._stores.nodes.values()]
        return sorted((offer for offer in offers if offer is not None), key=lambda offer: offer.node)

    def _artifact_names(self, model: NeuronModel, deployment: Object | None) -> set[str]:
        user = self._stores.users.kept(model.uid)
        wanted = set() if user is None else set(user.value.wants)
        if deployment is not None and labels.ARTIFACT in labels_of(deployment):
            wanted.add(labels_of(deployment)[labels.ARTIFACT])
        return wanted | model.known_artifacts

    def _heard_of(self, objects: list[Object]) -> Heard:
        """What Events say of these, and of the claims that they mount."""
        keys = [uid_of(obj) for obj in objects]
        keys += [claim for obj in objects for claim in claims_of(obj) if obj["kind"] == POD.name]
        return {key: self._heard[key] for key in keys if key in self._heard}

    def _shares_files(self, body: Object, namespace: str, name: str) -> bool:
        """Whether another NeuronArtifact that is to stay is of the same digest and on the same claim."""
        digest = status_of(body).get("digest")
        return any(
            name_of(found) != name
            and not is_deleting(found)
            and status_of(found).get("phase") != COLLECTING
            and self._claim_of(found) == self._claim_of(body)
            for found in (self._stores.artifacts.all((namespace, DIGEST, digest)) if digest else ())
        )

    def _claim_of(self, body: Object) -> str:
        return parse_artifact(body, self._settings).claim_name

    def _pods(self, namespace: str, component: str, parent: str) -> list[Object]:
        return sorted(self._stores.pods.all((namespace, component, parent)), key=name_of)


def _retries(body: Object, users: list[User]) -> list[str]:
    """What the retry annotations say, of the artifact itself and of the models that use it."""
    asked = [(NEURON_MODEL, user.name, user.retry) for user in users]
    asked.append((NEURON_ARTIFACT, name_of(body), annotations_of(body).get(labels.RETRY)))
    said = sorted(
        f"{kind.name}/{name}={retry}"[:LONGEST_RETRY] for kind, name, retry in asked if retry is not None
    )
    if len(said) <= MOST_RETRIES:
        return said
    named, rest = said[: MOST_RETRIES - 1], said[MOST_RETRIES - 1 :]
    return [*named, f"others={hashlib.sha256(chr(10).join(rest).encode()).hexdigest()[:16]}"]
