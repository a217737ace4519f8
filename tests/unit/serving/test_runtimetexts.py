"""What Neuron's runtime says has its meaning, and what it says beside a failure has none."""

import pytest
from neuron_contract.reasons import ImageReason
from neuron_serving.runtimetexts import found, is_telling

_AT = "2024-Jul-30 14:22:31.297781 65191:69012"
_PYTHON = "The PyTorch Neuron Runtime could not be initialized. Neuron Driver issues are logged to your logs."
_DUMP = f"""{_AT} ERROR   NRT:nrt_infodump                            NRT version: 2.21.41.0
{_AT} ERROR   NRT:nrt_infodump                            Driver version: 2.17.17.0
{_AT} ERROR   NRT:nrt_infodump                            Visible cores: 0, 1
"""


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "ERROR   NRT:nrt_init  This runtime requires Neuron Driver version 2.0 or greater. Please "
            "upgrade aws-neuron-dkms package.",
            "DriverMismatch",
        ),
        (
            "ERROR   NRT:nrt_init  Unable to determine Neuron Driver version. Please check aws-neuron-dkms "
            "package is installed.",
            "DriverMismatch",
        ),
        (
            "ERROR   NRT:nrt_init  This Neuron Runtime (compatibility id: 6) is not compatible with the "
            "installed aws-neuron-dkms package.",
            "DriverMismatch",
        ),
        (
            "ERROR   HAL:aws_hal_tpb_pooling_write_profile       failed programming the engine",
            "DriverMismatch",
        ),
        (
            "ERROR   NRT:nrt_allocate_neuron_cores   NeuronCore(s) not available - Requested:nc1 Available:0",
            "CoresBusy",
        ),
        ("ERROR  TDRV:tdrv_get_dev_info                       No neuron device available", "DeviceMissing"),
        ("ERROR   NRT:nrt_init    Please check /dev/neuron# is accessible.", "DeviceMissing"),
        ("ERROR  TDRV:db_vtpb_get_mla_and_tpb                 Could not find VNC id 3", "DeviceMissing"),
        ("NEFF version mismatch supported: 1.1 received: 2.0", "VersionMismatch"),
        (
            "ERROR NEFF:neff_parse NEFF version: 2.0, features: 0x100 are not supported. Supported: 0xff",
            "VersionMismatch",
        ),
        ('nrt_tensor_allocate status=4 message="Allocation Failure"', "DeviceOutOfMemory"),
        ("ERROR  TDRV:dmem_alloc_internal   Failed to alloc DEVICE memory: 268435456", "DeviceOutOfMemory"),
        ("ERROR   NRT:nrt_infodump    Failure: NRT_RESOURCE in nrt_load()", "DeviceOutOfMemory"),
    ],
)
def test_each_documented_line_has_its_reason_among_the_others_of_the_same_failure(
    line: str, reason: str
) -> None:
    assert is_telling(line)
    said = found(f"{_DUMP}{_AT} {line}\n{_DUMP}RuntimeError: {_PYTHON}")
    assert said is not None
    assert (said.reason, said.heals) == (reason, reason == "CoresBusy")
    assert said.reason in {str(each.value) for each in ImageReason}
    assert " ".join(line.split())[:40] in said.message


def test_the_versions_that_the_runtime_tells_of_at_each_failure_are_no_mismatch() -> None:
    assert found(_DUMP) is None
    assert not any(is_telling(line) for line in _DUMP.splitlines())


def test_what_the_runtime_tells_when_all_is_well_is_no_failure() -> None:
    lines = (
        f"{_AT}   INFO   NRT:nrt_init                                Found neuron driver: 2.18",
        f"{_AT}   WARN   NRT:nrt_init                                No neuron device on the second bus",
    )
    assert not any(is_telling(line) for line in lines)
    assert found("\n".join(lines)) is None


def test_python_alone_says_that_no_device_answers() -> None:
    said = found(_PYTHON)
    assert said is not None
    assert said.reason == "DeviceMissing"


def test_what_is_nothing_of_neurons_has_no_meaning() -> None:
    assert found("ValueError: driver version 3 of the taxi") is None
