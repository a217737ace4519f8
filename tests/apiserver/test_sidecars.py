"""A container that a mesh injects beside the operator's own, before an API server and a Job's controller."""

from hollow.world import World

PROXY = {
    "name": "istio-proxy",
    "image": "images.invalid/proxy:1",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
UNSECURED = {"name": "istio-proxy", "image": "images.invalid/proxy:1"}


def test_one_that_never_ends_keeps_neither_the_model_nor_the_job(world: World) -> None:
    world.apply("meshed", compile={"podTemplate": {"spec": {"containers": [PROXY]}}})
    world.ready("meshed")
    world.gone("job", f"{world.artifact('meshed')}-compile", timeout=90)
    world.ready("meshed")


def test_one_that_pod_security_refuses_is_told_in_its_words_and_heals(world: World) -> None:
    world.apply("unsecured", compile={"podTemplate": {"spec": {"containers": [UNSECURED]}}})
    found = world.becomes(
        *("unsecured", "Pending", "Ready"), holds="False", reason="PodCreationRefused", timeout=60
    )
    assert 'violates PodSecurity "restricted' in str(found["status"]["conditions"])
    world.patch("unsecured", compile={"podTemplate": None})
    world.ready("unsecured")
