"""Collects everything around one resource from the indexes and the recent writes, without a request."""

from collections.abc import Callable

from neuron_operator.api.artifact import COLLECTING, parse_artifact
from neuron_operator.api.model import NeuronModel
from neuron_operator.api.settings import Settings
from neuron_operator.artifacts import observed as artifacts
from neuron_operator.models import decide as models
from neuron_operator.models.wanted import candidates
from neuron_operator.reading.complaints import SILENCE, Heard
from neuron_operator.reading.nodes import Offer, offer_of
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
from neuron_operator.terms.kinds import (
    AUTOSCALER,
    CLAIM,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    NEURON_ARTIFACT,
    NEURON_MODEL,
    NODE,
    POD,
    SERVICE,
    Kind,
)
from neuron_operator.world.indexes import LOADED, Index, Indexes, User, newest
from neuron_operator.world.recent import RecentWrites

_LONGEST_RETRY = 320
"""Characters of a retry that status keeps: an annotation may have 256 KiB."""

ProgressOf = Callable[[list[Object]], Progress | None]


class Observer:
    """Reads the world as it is known now."""

    def __init__(
        self,
        indexes: Indexes,
        recent: RecentWrites,
        settings: Settings,
        progress_of: ProgressOf,
        heard: Heard = SILENCE,
    ) -> None:
        self._indexes = indexes
        self._recent = recent
        self._settings = settings
        self._progress_of = progress_of
        self._heard = heard

    def body_of(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The NeuronModel's or NeuronArtifact's object, None where it is gone."""
        read = self.model_body if kind == NEURON_MODEL else self.artifact_body
        return read(namespace, name)

    def model_body(self, namespace: str, name: str) -> Object | None:
        """The NeuronModel's object, None where it is gone."""
        return self._find(NEURON_MODEL, self._indexes.models, namespace, name)

    def artifact_body(self, namespace: str, name: str) -> Object | None:
        """The NeuronArtifact's object, None where it is gone."""
        return self._find(NEURON_ARTIFACT, self._indexes.artifacts, namespace, name)

    def around_model(self, model: NeuronModel) -> models.Observed:
        """Everything around a NeuronModel."""
        indexes, namespace, name = self._indexes, model.namespace, model.name
        deployment = self._find(DEPLOYMENT, indexes.deployments, namespace, name)
        artifacts_by_name = {}
        first_users = {}
        for artifact in self._artifact_names(model, deployment):
            body = self.artifact_body(namespace, artifact)
            if body is not None:
                artifacts_by_name[artifact] = body
            wanting = [user for user in self._users(namespace, artifact) if user.wants]
            if wanting:
                first_users[artifact] = min(wanting, key=lambda user: (user.created, user.name)).name
        pods = self._pods(namespace, labels.SERVER, name)
        return models.Observed(
            artifacts=artifacts_by_name,
            first_users=first_users,
            claim=self._find(CLAIM, indexes.claims, namespace, names.MADE_CLAIM),
            deployment=deployment,
            service=self._find(SERVICE, indexes.services, namespace, name),
            autoscaler=self._find(AUTOSCALER, indexes.autoscalers, namespace, name),
            disruption_budget=self._find(DISRUPTION_BUDGET, indexes.disruption_budgets, namespace, name),
            pods=pods,
            heard=self._heard_of(pods),
            offers=self.offers() if model.fallback else (),
        )

    def around_artifact(self, body: Object) -> artifacts.Observed:
        """Everything around a NeuronArtifact."""
        namespace, name = namespace_of(body), name_of(body)
        jobs = self._indexes.jobs
        users = sorted(self._wanting_or_serving(namespace, name))
        compile_pods = self._pods(namespace, labels.COMPILE, name)
        verify_pods = self._pods(namespace, labels.VERIFY, name)
        collect_pods = self._pods(namespace, labels.COLLECT, name)
        compile_job = self._find(JOB, jobs, namespace, names.compile_job_name(name))
        collect_job = self._find(JOB, jobs, namespace, names.collect_job_name(name))
        verify_job = self._find(JOB, jobs, namespace, names.verify_job_name(name))
        made = [job for job in (compile_job, collect_job, verify_job) if job is not None]
        return artifacts.Observed(
            body=body,
            compile_job=compile_job,
            collect_job=collect_job,
            verify_job=verify_job,
            heard=self._heard_of([*made, *compile_pods, *verify_pods, *collect_pods]),
            compile_pods=compile_pods,
            verify_pods=verify_pods,
            collect_pods=collect_pods,
            claim=self._find(CLAIM, self._indexes.claims, namespace, names.MADE_CLAIM),
            users=users,
            progress=self._progress_of([*compile_pods, *verify_pods]),
            retries=self._retries(body, namespace, users),
            servers=self._pods(namespace, LOADED, name),
            shares_files=not users and self._shares_files(body, namespace, name),
        )

    def artifacts_of(self, model: NeuronModel) -> set[str]:
        """Names of the artifacts that a change of the model concerns."""
        return self._artifact_names(model, None)

    def users_of(self, namespace: str, artifact: str) -> set[str]:
        """Names of the models that a change of the artifact concerns."""
        return {user.name for user in self._users(namespace, artifact)}

    def offers(self) -> list[Offer]:
        """What the nodes offer that advertise extended resources, by name."""
        nodes = [self._find(NODE, self._indexes.offers, *key) for key in sorted(self._indexes.offers)]
        offers = [offer_of(node) for node in nodes if node is not None]
        return [offer for offer in offers if offer is not None]

    def models_that_may_fall_back(self) -> list[tuple[str, str]]:
        """Namespace and name of the models that a change of the nodes' offers concerns."""
        return [
            key
            for key in self._indexes.models
            for body in self._indexes.models[key]
            if body["spec"].get("fallback") == "CPU"
        ]

    def _artifact_names(self, model: NeuronModel, deployment: Object | None) -> set[str]:
        wanted = {candidate.wanted.name for candidate in candidates(model, self._settings).values()}
        if deployment is not None and labels.ARTIFACT in labels_of(deployment):
            wanted.add(labels_of(deployment)[labels.ARTIFACT])
        return wanted | model.known_artifacts

    def _wanting_or_serving(self, namespace: str, artifact: str) -> set[str]:
        """Models that use the artifact: by their spec, by their status, or by a pod that has it loaded."""
        serving = self._pods(namespace, LOADED, artifact)
        return {user.name for user in self._users(namespace, artifact)} | {
            labels_of(pod)[labels.MODEL] for pod in serving
        }

    def _heard_of(self, objects: list[Object]) -> Heard:
        """What Events say of these, and of the claims that they mount."""
        keys = [uid_of(obj) for obj in objects]
        keys += [claim for obj in objects for claim in claims_of(obj) if obj["kind"] == POD.name]
        return {key: self._heard[key] for key in keys if key in self._heard}

    def _retries(self, body: Object, namespace: str, users: list[str]) -> list[str]:
        """What the retry annotations say, of the artifact itself and of the models that use it."""
        models = (self.model_body(namespace, user) for user in users)
        asking = [(NEURON_ARTIFACT, body), *((NEURON_MODEL, model) for model in models if model is not None)]
        return sorted(
            f"{kind.name}/{name_of(obj)}={annotations_of(obj)[labels.RETRY]}"[:_LONGEST_RETRY]
            for kind, obj in asking
            if labels.RETRY in annotations_of(obj)
        )

    def _shares_files(self, body: Object, namespace: str, name: str) -> bool:
        """Whether another NeuronArtifact that is to stay is of the same digest and on the same claim."""
        digest = status_of(body).get("digest")
        others = [key for key in self._indexes.artifacts if key[0] == namespace and key[1] != name]
        for _, other in others if digest else ():
            found = self.artifact_body(namespace, other)
            if (
                found is not None
                and not is_deleting(found)
                and status_of(found).get("digest") == digest
                and status_of(found).get("phase") != COLLECTING
                and self._claim_of(found) == self._claim_of(body)
            ):
                return True
        return False

    def _claim_of(self, body: Object) -> str:
        return parse_artifact(body, self._settings).claim_name

    def _users(self, namespace: str, artifact: str) -> list[User]:
        users = self._indexes.users.get((namespace, artifact), ())
        return [user for user in users if self._is_there(namespace, user)]

    def _is_there(self, namespace: str, user: User) -> bool:
        """Whether the model is there, and not another one of its name."""
        body = self.model_body(namespace, user.name)
        return body is not None and uid_of(body) == user.uid

    def _pods(self, namespace: str, component: str, parent: str) -> list[Object]:
        pods = self._indexes.pods.get((namespace, component, parent), ())
        there = [pod for pod in pods if not self._recent.is_gone(pod)]
        return sorted(there, key=lambda pod: str(pod["metadata"]["name"]))

    def _find(self, kind: Kind, index: Index[Object], namespace: str, name: str) -> Object | None:
        known = index.get((namespace, name), ())
        found = newest(index, (namespace, name))
        for other in known:
            if found is not None and uid_of(other) != uid_of(found):
                # It had the name before: it stays gone, also when its successor goes.
                self._recent.lost(other)
        return self._recent.newest(kind.name, namespace, name, found)
