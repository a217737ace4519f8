"""Artifacts and claims that several NeuronModels share."""

import copy
from typing import Any

import pytest
from neuron_operator.reading.objects import Object, name_of
from unit.operator.model_world import FAILED, PUBLISHED, World, kinds, serving
from unit.operator.worlds import (
    PARITY,
)


def test_an_artifact_that_is_being_collected_is_waited_for() -> None:
    world = World()
    world.reconcile()
    world.publish(phase="Collecting")
    plan = world.reconcile()
    assert not plan.writes_children
    assert world.says("ArtifactReady") == ("False", "ArtifactBeingCollected")
    assert world.status["phase"] == "Pending"
    del world.objects["NeuronArtifact", world.wanted_name()]
    assert kinds(world.reconcile()) == ["NeuronArtifact"]


def test_only_the_first_user_writes_the_fields_of_a_shared_artifact() -> None:
    world = World()
    world.reconcile()
    world.change(compile={"resources": {"limits": {"memory": "64Gi"}}})
    world.first_user = "an-older-one"
    assert not world.decide().writes_children
    world.first_user = "gpt2"
    plan = world.decide()
    assert plan.apply[0].obj["spec"]["compile"]["resources"] == {"limits": {"memory": "64Gi"}}
    assert plan.apply[0].drifted_at is None


@pytest.mark.parametrize(
    ("status", "first_user", "said"),
    [
        (FAILED, "an-older-one", True),
        ({"phase": "Compiling"}, "an-older-one", True),
        (PUBLISHED, "an-older-one", False),
        (FAILED, "gpt2", False),
    ],
)
def test_who_decides_on_the_resources_of_a_shared_artifact_is_said_until_it_is_published(
    status: Object, first_user: str, said: bool
) -> None:
    world = World()
    world.reconcile()
    world.the("NeuronArtifact", world.wanted_name())["status"] = status
    world.first_user = first_user
    world.reconcile()
    message = world.condition("ArtifactReady")["message"]
    sentence = " NeuronModel an-older-one, its oldest user, decides on its resources."
    assert message.endswith(sentence) is said


def test_no_claim_is_made_for_an_artifact_that_is_published() -> None:
    world = serving()
    del world.objects["PersistentVolumeClaim", "neuron-artifacts"]
    assert not world.decide().writes_children


def test_a_shared_artifact_stays_on_its_claim() -> None:
    world = World()
    world.reconcile()
    world.publish()
    world.the("NeuronArtifact", world.wanted_name())["spec"]["claimName"] = "elsewhere"
    world.reconcile()
    assert world.the("NeuronArtifact", world.wanted_name())["spec"]["claimName"] == "elsewhere"
    volume = world.the("Deployment")["spec"]["template"]["spec"]["volumes"][0]
    assert volume["persistentVolumeClaim"] == {"claimName": "elsewhere", "readOnly": True}


@pytest.mark.parametrize(
    ("status", "first_user", "made_anew"),
    [
        ({}, "gpt2", True),
        ({"phase": "Pending"}, "gpt2", True),
        (FAILED, "gpt2", True),
        (FAILED, "an-older-one", False),
        ({"phase": "Compiling"}, "gpt2", False),
        (PUBLISHED, "gpt2", False),
        (PUBLISHED | {"phase": "Collecting"}, "gpt2", False),
    ],
)
def test_a_corrected_claim_makes_an_artifact_without_files_anew(
    status: Object, first_user: str, made_anew: bool
) -> None:
    world = World(storage={"claimName": "wrnog"})
    world.reconcile()
    name = world.wanted_name()
    world.the("NeuronArtifact", name)["status"] = copy.deepcopy(status)
    world.first_user = first_user
    world.change(storage={"claimName": "right"})
    plan = world.reconcile()
    assert [name_of(obj) for obj in plan.delete] == ([name] if made_anew else [])
    assert "NeuronArtifact" not in kinds(plan)
    world.reconcile()
    claim = world.the("NeuronArtifact", name)["spec"]["claimName"]
    assert claim == ("right" if made_anew else "wrnog")


def test_an_unwell_artifact_on_the_right_claim_is_left_alone() -> None:
    world = World(storage={"claimName": "right"})
    world.reconcile()
    world.the("NeuronArtifact", world.wanted_name())["status"] = FAILED
    assert not world.reconcile().writes_children


def measured(**changes: Any) -> Object:
    return {**PARITY, **changes}


@pytest.mark.parametrize(
    ("parity", "artifact_parity", "served", "says"),
    [
        ({}, PARITY, True, ("True", "Passed")),
        ({"tolerance": "1e-7"}, PARITY, False, ("False", "ParityFailed")),
        ({"tolerance": "1e-7", "policy": "Warn"}, PARITY, True, ("False", "OutsideTolerance")),
        ({"metric": "MaxRel", "tolerance": "1e-7"}, PARITY, False, ("False", "ParityFailed")),
        ({"metric": "Cosine", "tolerance": "1e-4"}, PARITY, False, ("False", "ParityFailed")),
        ({"metric": "Cosine", "tolerance": "1e-2"}, PARITY, True, ("True", "Passed")),
        ({}, measured(passed=False, value=0.1, maxRel=0.1), False, ("False", "ParityFailed")),
        ({"tolerance": "0.5"}, measured(passed=False, value=0.1, maxRel=0.1), True, ("True", "Passed")),
        ({}, None, False, ("False", "NotMeasured")),
        ({"policy": "Skip"}, None, True, ("Unknown", "NotMeasured")),
    ],
)
def test_each_model_judges_the_measured_parity_by_its_own_demands(
    parity: Object, artifact_parity: Object | None, served: bool, says: tuple[str, str]
) -> None:
    world = World(compile={"parity": parity})
    world.reconcile()
    world.publish(parity=artifact_parity)
    world.reconcile()
    assert (world.find("Deployment") is not None) is served
    assert world.says("ParityVerified") == says
    assert world.status["phase"] == ("Deploying" if served else "Failed")
