"""One artifact through whatever may happen to it, in any order: it always comes to rest.

Every state is observed, decided and carried out; left alone after that, at the same moment, nothing more is
written within a few passes.
"""

import copy
import json
import random
from datetime import timedelta

import pytest
from neuron_operator.api.artifact import parse_artifact
from neuron_operator.artifacts.decide import decide
from neuron_operator.plans.plan import Plan, merge_patch
from neuron_operator.reading.objects import Object, controller_uid, format_time, labels_of, name_of, uid_of
from neuron_operator.terms import labels
from neuron_operator.terms.reasons import Reason
from neuron_operator.world.observe import Observer
from unit.operator.worlds import (
    NOW,
    PARITY,
    REPORT,
    SETTINGS,
    artifact_body,
    condition,
    knowing,
    model_body,
    pod,
    stored,
)

_PASSES = 4
"""More than anything takes: a Job goes, its successor is made, status says so, and what that leads to."""
_PAUSES = (1, 7, 40, 90, 700, 4000, 90_000)
_STEPS = 40


class Walk:
    """The artifact, its Jobs, their pods, its users and the servers that have loaded it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = NOW
        self.count = 0
        self.told: list[str] = []
        target = self.random.choice(("cpu", "inf2"))
        self.body: Object | None = artifact_body(target=target, ttlSeconds=60)
        self.jobs: dict[str, Object] = {}
        self.pods: dict[str, Object] = {}
        self.users: dict[str, Object] = {}

    def decide(self) -> Plan:
        assert self.body is not None
        known = (self.body, *self.jobs.values(), *self.pods.values(), *self.users.values())
        observer = Observer(knowing(*copy.deepcopy(known)), SETTINGS, lambda _: None)
        resource = parse_artifact(self.body, SETTINGS)
        return decide(resource, observer.around_artifact(self.body), SETTINGS, self.now)

    def carry_out(self, plan: Plan) -> None:
        for gone in plan.delete:
            if gone["kind"] == "NeuronArtifact":
                self.body = None
                return
            self.remove(name_of(gone))
        for change in plan.apply:
            before = self.jobs.get(name_of(change.obj))
            made = stored(change.obj)
            made["metadata"]["uid"] = uid_of(before) if before else self.uid("job")
            made["metadata"]["creationTimestamp"] = format_time(self.now)
            made["status"] = before["status"] if before else {}
            self.jobs[name_of(change.obj)] = made
        if plan.status is not None and self.body is not None:
            self.body["status"] = copy.deepcopy(plan.status)

    def check_that_it_settles(self) -> None:
        left = copy.deepcopy(self)
        for _ in range(_PASSES):
            if left.body is None:
                return
            left.carry_out(left.decide())
        if left.body is None:
            return
        plan = left.decide()
        assert not plan.writes_children, (self.told, plan)
        assert merge_patch(left.body["status"], plan.status or {}) == {}, self.told

    def step(self) -> None:
        often = (self.waits, self.a_pod_moves, self.a_job_ends)
        seldom = (
            self.something_is_deleted,
            self.a_user_comes_or_goes,
            self.somebody_retries,
            self.a_server_crashes,
        )
        happens = self.random.choice((*often, *often, *seldom))
        self.told.append(happens())

    def waits(self) -> str:
        seconds = self.random.choice(_PAUSES)
        self.now += timedelta(seconds=seconds)
        return f"{seconds} s pass"

    def a_pod_moves(self) -> str:
        if not self.jobs:
            return "no Job, no pod"
        job = self.random.choice(list(self.jobs.values()))
        own = [name for name, each in self.pods.items() if controller_uid(each) == uid_of(job)]
        name = own[-1] if own and self.random.random() < 0.8 else self.uid("pod")
        component = labels_of(job)[labels.COMPONENT]
        state, conditions = self.random.choice(
            (
                ({}, ()),
                ({}, (self.unschedulable(),)),
                ({"running": {}}, ()),
                (self.waiting(), ()),
                *((self.ended(code), ()) for code in (0, 0, 0, 10, 11, 137)),
            )
        )
        made = pod(owner=uid_of(job), container=component, name=name, conditions=conditions, state=state)
        made["kind"] = "Pod"
        made["metadata"]["ownerReferences"][0]["kind"] = "Job"
        made["metadata"]["creationTimestamp"] = format_time(self.now)
        made["metadata"]["labels"] = {labels.COMPONENT: component, labels.ARTIFACT: "gpt2-0123456789"}
        self.pods[name] = made
        return f"a pod of {name_of(job)}: {json.dumps(state)[:80]} {bool(conditions)}"

    def waiting(self) -> Object:
        return {"waiting": {"reason": self.random.choice(("ImagePullBackOff", "ContainerCreating"))}}

    def unschedulable(self) -> Object:
        return condition("PodScheduled", "False", "Unschedulable", "0/1 nodes are available.", age=60)

    def ended(self, code: int) -> Object:
        report: Object = {
            **REPORT,
            "outcome": self.random.choice(("Published", "Verified", "AlreadyPublished")),
        }
        report["parity"] = {**PARITY, "passed": self.random.random() < 0.7}
        if self.random.random() < 0.3:
            report["verification"] = self.random.choice(("Needed", "Passed"))
        if code:
            reason = self.random.choice(list(Reason)).value
            report = {"outcome": "Failed", "reason": reason, "message": "It says why."}
        end = {"exitCode": code, "reason": "OOMKilled" if code == 137 else "Error"}
        message = {"message": json.dumps(report)} if self.random.random() < 0.9 else {}
        return {"terminated": {**end, "finishedAt": format_time(self.now), **message}}

    def a_job_ends(self) -> str:
        if not self.jobs:
            return "no Job"
        job = self.random.choice(list(self.jobs.values()))
        type_ = self.random.choice(("Complete", "Failed"))
        reason = self.random.choice(("PodFailurePolicy", "BackoffLimitExceeded"))
        end = {**condition(type_, reason=reason), "lastTransitionTime": format_time(self.now)}
        job["status"] = {"conditions": [end]}
        return f"{name_of(job)} is {type_} ({reason})"

    def something_is_deleted(self) -> str:
        there = [*self.jobs, *self.pods]
        if not there:
            return "nothing to delete"
        name = self.random.choice(there)
        self.remove(name)
        return f"{name} is deleted"

    def a_user_comes_or_goes(self) -> str:
        if self.users:
            self.users.clear()
            return "the user goes"
        user = model_body("user")
        user["status"] = {"artifact": {"name": "gpt2-0123456789", "digest": "0" * 32}}
        self.users["user"] = user
        return "a user comes"

    def somebody_retries(self) -> str:
        if self.body is not None:
            self.body["metadata"]["annotations"] = {labels.RETRY: self.uid("retry")}
        return "somebody asks for a retry"

    def a_server_crashes(self) -> str:
        reason = self.random.choice(
            (Reason.ARTIFACT_MISSING, Reason.ARTIFACT_CORRUPT, Reason.SERVER_CRASH_LOOPING)
        )
        message = json.dumps({"reason": reason.value, "message": "It says why."})
        end = {"exitCode": 10, "finishedAt": format_time(self.now), "message": message}
        made = pod(owner="rs", container="server", name="server", ready=False, state={"terminated": end})
        made["kind"] = "Pod"
        made["metadata"]["ownerReferences"][0]["kind"] = "ReplicaSet"
        said = {labels.COMPONENT: labels.SERVER, labels.MODEL: "user", labels.ARTIFACT: "gpt2-0123456789"}
        made["metadata"]["labels"] = said
        self.pods["server"] = made
        return f"a server says {reason.value}"

    def remove(self, name: str) -> None:
        job = self.jobs.pop(name, None)
        self.pods.pop(name, None)
        owned = [key for key, each in self.pods.items() if job and controller_uid(each) == uid_of(job)]
        for key in owned:
            del self.pods[key]

    def uid(self, of: str) -> str:
        self.count += 1
        return f"{of}-{self.count}"


@pytest.mark.parametrize("seed", range(16))
def test_an_artifact_comes_to_rest_whatever_happens_to_it(seed: int) -> None:
    walk = Walk(seed)
    walk.carry_out(walk.decide())
    for _ in range(_STEPS):
        if walk.body is None:
            return
        walk.step()
        walk.check_that_it_settles()
        walk.carry_out(walk.decide())
