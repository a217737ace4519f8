"""An upgrade of the operator restarts nothing and compiles nothing."""

from hollow.world import World, settings
from support.kube import Object
from support.wait import eventually

NEW_IMAGES = {family: f"images.invalid/{family}:2" for family in ("cpu", "neuronx", "neuron")}


def pods(world: World) -> set[str]:
    return {pod["metadata"]["uid"] for pod in world.all("pods", "app.kubernetes.io/component=server")}


def upgraded() -> Object:
    after = settings(images={"compiler": NEW_IMAGES, "triton": NEW_IMAGES})
    after["toolchains"] = {**after["toolchains"], "cpu": "cpu-torch9.9.9"}
    return after


def test_new_images_and_toolchains_leave_models_as_they_are_until_their_spec_changes(world: World) -> None:
    world.apply("settled")
    artifact = world.ready("settled")["status"]["artifact"]
    before = world.there("deployment", "settled")
    running = pods(world)
    with world.record("jobs") as jobs:
        world.operator.stop()
        world.operator.configure(upgraded())
        world.operator.start()
        world.apply("newcomer")
        newcomer = world.ready("newcomer")["status"]
        assert newcomer["pinned"]["toolchain"] == "cpu-torch9.9.9"
        assert newcomer["pinned"]["servingImage"] == NEW_IMAGES["cpu"]
        assert world.ready("settled")["status"]["artifact"] == artifact
        assert (
            world.there("deployment", "settled")["metadata"]["generation"] == before["metadata"]["generation"]
        )
        assert running <= pods(world)
        assert jobs.created("settled-") == 0

        world.patch("settled", serving={"env": [{"name": "LOG", "value": "debug"}]})
        moved = world.ready("settled")["status"]
        assert moved["pinned"]["toolchain"] == "cpu-torch9.9.9"
        assert moved["artifact"] != artifact
        assert jobs.created("settled-") == 1

    def image() -> bool:
        pod = world.there("deployment", "settled")["spec"]["template"]["spec"]
        return bool(pod["containers"][0]["image"] == NEW_IMAGES["cpu"])

    eventually(image, what="the server's image is the new one")
