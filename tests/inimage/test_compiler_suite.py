"""The compiler's and the server's own tests need torch: they run in the image that has it."""

from support.kube import Kube
from support.toolbox import Toolbox


def test_the_compilers_own_tests_pass_in_its_image(kube: Kube, images: dict[str, str]) -> None:
    with kube.temporary_namespace("neuron-inimage") as namespace:
        toolbox = Toolbox(images["toolbox"], namespace)
        command = (
            "python",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--durations=20",
            "/opt/neuron-operator/tests/compiler",
        )
        log = kube.run_job(toolbox.job("compiler-tests", *command), timeout=1800)
        print(log)
        assert " passed" in log
