"""What users add to pods reaches them, and what can't be is said before anything is compiled."""

from hollow.world import World
from support.kube import Object, condition
from support.wait import eventually


def refused(world: World, name: str, sentence: str) -> Object:
    """The model's status once it says SpecRejected with that sentence."""

    def said() -> Object | None:
        ready = condition(world.there("neuronmodels", name), "Ready") or {}
        rejected = ready.get("reason") == "SpecRejected" and sentence in ready["message"]
        return world.status(name) if rejected else None

    return eventually(said, what=f"{name} says {sentence}")


def test_labels_annotations_sidecars_and_variables_reach_the_pods(world: World) -> None:
    compile_ = {
        "env": [{"name": "COLOUR", "value": "blue"}],
        "podTemplate": {"metadata": {"labels": {"kueue.x-k8s.io/queue-name": "team"}}},
    }
    template = {
        "metadata": {"annotations": {"linkerd.io/inject": "enabled"}},
        "spec": {
            "initContainers": [{"name": "mesh", "image": "images.invalid/m", "restartPolicy": "Always"}]
        },
    }
    service = {"annotations": {"team": "one"}, "sessionAffinity": "ClientIP"}
    world.apply("adorned", compile=compile_, serving={"podTemplate": template, "service": service})
    job = eventually(
        lambda: next(iter(world.all("jobs", "app.kubernetes.io/component=compile")), None), what="its Job"
    )
    pod = job["spec"]["template"]
    assert pod["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    works = [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]
    told = {each["name"] for each in works if {"name": "COLOUR", "value": "blue"} in each["env"]}
    assert told == {"fetch", "compile"}
    served = world.appears("deployment", "adorned")["spec"]["template"]
    assert served["metadata"]["annotations"]["linkerd.io/inject"] == "enabled"
    assert [each["name"] for each in served["spec"]["initContainers"]] == ["mesh"]
    front = world.there("service", "adorned")
    assert (front["metadata"]["annotations"]["team"], front["spec"]["sessionAffinity"]) == ("one", "ClientIP")


def test_a_typo_in_the_servers_template_is_said_while_the_model_is_compiled(world: World) -> None:
    world.apply("typo", serving={"podTemplate": {"spec": {"hostNetwrk": True}}})
    refused(world, "typo", "hostNetwrk")
    assert world.get("deployment", "typo") is None
    world.kube.patch(
        "neuronmodels", "typo", world.namespace, {"spec": {"serving": {"podTemplate": {"spec": None}}}}
    )
    world.ready("typo")


def test_a_field_of_the_operators_own_is_refused_and_what_serves_goes_on(world: World) -> None:
    world.apply("own")
    world.ready("own")
    before = world.there("deployment", "own")["spec"]
    containers = [{"name": "server", "image": "mine"}]
    world.patch("own", serving={"podTemplate": {"spec": {"containers": containers}}})
    status = refused(world, "own", "spec.serving.podTemplate changes spec.containers[server].image")
    assert status["phase"] == "Degraded"
    assert world.there("deployment", "own")["spec"] == before


def test_a_typo_in_the_compilers_template_is_said_at_once(world: World) -> None:
    world.apply("compiler", compile={"podTemplate": {"spec": {"runtimeClas": "gvisor"}}})
    refused(world, "compiler", "runtimeClas")
    world.patch("compiler", compile={"podTemplate": None})
    world.ready("compiler")
