"""What a NeuronArtifact needs next: to be compiled, verified, kept or collected. Pure."""

from datetime import datetime, timedelta

from neuron_operator.api import artifact as phases
from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.api.settings import Settings
from neuron_operator.artifacts.collecting import collect
from neuron_operator.artifacts.compiling import compile_
from neuron_operator.artifacts.healing import damage, heal
from neuron_operator.artifacts.held import let_go
from neuron_operator.artifacts.measured import is_unmeasured
from neuron_operator.artifacts.observed import Observed
from neuron_operator.artifacts.scrubbing import scrub
from neuron_operator.artifacts.stage import Step, asked_again
from neuron_operator.artifacts.status import NEEDED, artifact_status
from neuron_operator.artifacts.storing import files_may_exist
from neuron_operator.artifacts.verifying import verify
from neuron_operator.builders.jobs import trespass
from neuron_operator.plans.plan import NOTHING, Plan, soonest
from neuron_operator.reading.objects import parse_time


def decide(artifact: NeuronArtifact, observed: Observed, settings: Settings, now: datetime) -> Plan:
    """The plan for one artifact."""
    if artifact.deleting:
        return NOTHING
    unused_since = _unused_since(artifact, observed, now)
    expires_in = _expires_in(artifact, unused_since, now)
    stored = files_may_exist(artifact, observed)
    collecting = artifact.phase == phases.COLLECTING or (expires_in is not None and expires_in <= 0)
    if collecting:
        if artifact.phase == phases.PENDING and not stored:
            return Plan(delete=(observed.body,))  # Nothing was ever stored: there are no files to remove.
        if artifact.phase != phases.COLLECTING and observed.shares_files:
            return Plan(delete=(observed.body,))  # The files are another's, too, and stay with it.
        collected = collect(artifact, observed, settings, now)
        if collected is None:
            return Plan(delete=(observed.body,))
        step, expires_in = collected, None
    else:
        step = let_go(artifact, observed, _prepare(artifact, observed, settings, now), now)
    # A patch that can't be used keeps no file from being removed, and takes nothing that is published.
    bare = collecting or step.state.phase == phases.READY
    refusal = trespass(artifact, settings) if step.apply and not bare else None
    return Plan(
        refusal=refusal,
        create=step.create,
        apply=() if refusal else step.apply,
        delete=step.delete,
        status=artifact_status(
            artifact,
            step.state,
            users=observed.users,
            unused_since=unused_since,
            progress=observed.progress,
            now=now,
            retries=observed.retries,
            files_may_exist=stored,
        ),
        requeue=soonest(step.requeue, expires_in),
    )


def _prepare(artifact: NeuronArtifact, observed: Observed, settings: Settings, now: datetime) -> Step:
    if artifact.phase == phases.READY:
        found = damage(artifact, observed, now)
        if found is not None:
            return heal(artifact, observed, found, now)
        if not is_unmeasured(artifact, artifact.status) and not asked_again(artifact, observed):
            return scrub(artifact, observed, settings, now)
    elif artifact.status.get("verification") == NEEDED and artifact.manifest_sha256:
        return verify(artifact, observed, settings, now)
    return compile_(artifact, observed, settings, now)


def _unused_since(artifact: NeuronArtifact, observed: Observed, now: datetime) -> datetime | None:
    if observed.users or artifact.keep:
        return None
    since = artifact.status.get("unusedSince")
    return parse_time(since) if since else now.replace(microsecond=0)


def _expires_in(artifact: NeuronArtifact, unused_since: datetime | None, now: datetime) -> float | None:
    if unused_since is None:
        return None
    return (unused_since + timedelta(seconds=artifact.ttl_seconds) - now).total_seconds()
