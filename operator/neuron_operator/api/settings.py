"""What the installation decides: images, toolchains, defaults. Read once from the chart's YAML file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from neuron_operator.api.spec import Placement, Resources, parse_placement, parse_resources
from neuron_operator.terms.targets import FAMILIES, TARGETS

PATH_VARIABLE = "NEURON_OPERATOR_SETTINGS"
DEFAULT_PATH = "/etc/neuron-operator/settings.yaml"

_TOOLCHAINS = {"cpu": "cpu-torch2.13.0", "neuronx": "neuronx-2.31.1", "neuron": "neuron-2.20.2"}
_CORES_PER_DEVICE = {"inf1": 4, "inf2": 2, "trn1": 2, "trn2": 4}
_PROXY_VARIABLES = {"httpProxy": "HTTP_PROXY", "httpsProxy": "HTTPS_PROXY", "noProxy": "NO_PROXY"}
_KNOWN_KEYS = {
    "installation",
    "leaderElection",
    "watchNamespaces",
    "images",
    "toolchains",
    "storage",
    "accelerator",
    "placement",
    "resources",
    "hub",
    "s3",
    "prices",
    "fallback",
    "drains",
    "compile",
    "upgrades",
}


class SettingsError(Exception):
    """The settings cannot be used; the text is one sentence that says what to change."""


@dataclass(frozen=True)
class StorageSettings:
    """The claim for namespaces that name none: an existing one, or the shape of the one to make."""

    claim_name: str = ""
    storage_class_name: str = ""
    size: str = "50Gi"
    ttl_seconds: int = 604800
    scrub_seconds: int = 604800
    """How often the files of a published artifact are looked at; 0: never."""


@dataclass(frozen=True)
class Accelerator:
    """The extended resource that stands for Neuron cores or whole devices."""

    resource_name: str = "aws.amazon.com/neuroncore"
    cores_per_device: Mapping[str, int] = field(default_factory=lambda: dict(_CORES_PER_DEVICE))

    def amount(self, target: str, cores: int) -> int:
        """How many of the resource hold that many cores of the target."""
        if not self.resource_name.endswith("/neuron"):
            return cores
        return -(-cores // self.cores_per_device[target])


@dataclass(frozen=True)
class S3:
    """The S3 server and region for s3:// models whose Secret names none; AWS's own when empty."""

    endpoint: str = ""
    region: str = ""


@dataclass(frozen=True)
class CaBundle:
    """A ConfigMap of each namespace with models, and its key with certificates in PEM; none when empty."""

    config_map: str = ""
    key: str = "ca.crt"


@dataclass(frozen=True)
class LeaseName:
    """Where a Lease is."""

    namespace: str
    name: str


@dataclass(frozen=True)
class Settings:
    """The installation's choices. Mappings are by family (images, resources) or by target (placement; prices:
    dollars an hour of one replica); the servers' images by spec.serving.runtime, then by family."""

    compiler_images: Mapping[str, str]
    server_images: Mapping[str, Mapping[str, str]]
    architectures: Mapping[str, str] = field(default_factory=dict)
    """What each family's images are built for, as nodes are labelled; nothing where that is not known."""
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    toolchains: Mapping[str, str] = field(default_factory=lambda: dict(_TOOLCHAINS))
    storage: StorageSettings = StorageSettings()
    accelerator: Accelerator = field(default_factory=Accelerator)
    placement: Mapping[str, Placement] = field(default_factory=dict)
    compile_resources: Mapping[str, Resources] = field(default_factory=dict)
    server_resources: Mapping[str, Resources] = field(default_factory=dict)
    hub_endpoint: str = ""
    s3: S3 = S3()
    prices: Mapping[str, float] = field(default_factory=dict)
    fallback_allowed: bool = True
    fallback_patience_seconds: float = 300.0
    """For how long an accelerator may be away before a model that ran on it falls back."""
    drains_successor: bool = True
    """Whether a single server on a node that is drained goes only once its successor is Ready."""
    roll_servers: bool = True
    """Whether running servers follow the chart to a newer image of the same toolchain."""
    max_memory: str = "64Gi"
    proxy: Mapping[str, str] = field(default_factory=dict)
    """The variables of the container that fetches: HTTP_PROXY, HTTPS_PROXY, NO_PROXY, as far as given."""
    ca_bundle: CaBundle = CaBundle()
    installation: str = "neuron-operator"
    """What tells this installation from others in one cluster; its replicas share it."""
    leader_election: LeaseName | None = None
    """The Lease for which replicas compete; None: this process is the only one."""
    namespaces: tuple[str, ...] = ()
    """Those that are watched; all where it is empty."""

    @property
    def covers_drains(self) -> bool:
        """Whether drains are seen: nodes are watched only where a fallback is allowed."""
        return self.drains_successor and self.fallback_allowed


def load_settings(path: Path) -> Settings:
    """The settings in that file.

    Raises SettingsError where the file is missing, is not YAML, or says something the operator does not know.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise SettingsError(
            f"cannot read the settings file {path} ({error.strerror}): name it in {PATH_VARIABLE}"
        ) from error
    except yaml.YAMLError as error:
        raise SettingsError(f"the settings file {path} is not YAML: {error}") from error
    return parse_settings(content or {})


def parse_settings(content: Mapping[str, Any]) -> Settings:
    """The settings from the file's content.

    Raises SettingsError for keys the operator does not know and for missing images.
    """
    unknown = set(content) - _KNOWN_KEYS
    if unknown:
        raise SettingsError(f"unknown settings {sorted(unknown)}: remove them or correct their names")
    images = content.get("images") or {}
    storage = content.get("storage") or {}
    accelerator = content.get("accelerator") or {}
    resources = content.get("resources") or {}
    s3 = _known("s3", content.get("s3"), ("endpoint", "region"))
    compile_ = _known("compile", content.get("compile"), ("maxMemory", "proxy", "caBundle"))
    proxy = _known("compile.proxy", compile_.get("proxy"), tuple(_PROXY_VARIABLES))
    ca_bundle = _known("compile.caBundle", compile_.get("caBundle"), ("configMap", "key"))
    prices = _known("prices", content.get("prices"), TARGETS)
    fallback = _known("fallback", content.get("fallback"), ("allowed", "patienceSeconds"))
    drains = _known("drains", content.get("drains"), ("successor",))
    upgrades = _known("upgrades", content.get("upgrades"), ("rollServers",))
    placement = _known("placement", content.get("placement"), TARGETS)
    return Settings(
        compiler_images=_images("compiler", images),
        server_images={
            "Triton": _images("triton", images),
            "TorchServe": _by_family("torchserve", images),
        },
        architectures=_known("images.architectures", images.get("architectures"), FAMILIES),
        pull_policy=images.get("pullPolicy") or Settings.pull_policy,
        pull_secrets=tuple(images.get("pullSecrets") or ()),
        toolchains=_TOOLCHAINS | _known("toolchains", content.get("toolchains"), FAMILIES),
        storage=StorageSettings(
            claim_name=storage.get("claimName") or "",
            storage_class_name=storage.get("storageClassName") or "",
            size=storage.get("size") or StorageSettings.size,
            ttl_seconds=storage.get("ttlSeconds", StorageSettings.ttl_seconds),
            scrub_seconds=storage.get("scrubSeconds", StorageSettings.scrub_seconds),
        ),
        accelerator=Accelerator(
            resource_name=accelerator.get("resourceName") or Accelerator.resource_name,
            cores_per_device=_CORES_PER_DEVICE
            | _known("accelerator.coresPerDevice", accelerator.get("coresPerDevice"), TARGETS),
        ),
        placement={target: parse_placement(fields or {}) for target, fields in placement.items()},
        compile_resources=_resources("compile", resources),
        server_resources=_resources("serving", resources),
        hub_endpoint=(content.get("hub") or {}).get("endpoint") or "",
        s3=S3(endpoint=s3.get("endpoint") or "", region=s3.get("region") or ""),
        prices={target: float(price) for target, price in prices.items() if price is not None},
        fallback_allowed=fallback.get("allowed", Settings.fallback_allowed),
        fallback_patience_seconds=fallback.get("patienceSeconds", Settings.fallback_patience_seconds),
        drains_successor=drains.get("successor", Settings.drains_successor),
        roll_servers=upgrades.get("rollServers", Settings.roll_servers),
        installation=content.get("installation") or Settings.installation,
        leader_election=_lease_name(content.get("leaderElection")),
        max_memory=str(compile_.get("maxMemory") or Settings.max_memory),
        proxy={_PROXY_VARIABLES[name]: str(value) for name, value in proxy.items() if value},
        ca_bundle=CaBundle(ca_bundle.get("configMap") or "", ca_bundle.get("key") or CaBundle.key),
        namespaces=tuple(content.get("watchNamespaces") or ()),
    )


def _lease_name(content: Mapping[str, Any] | None) -> LeaseName | None:
    keys = ("namespace", "name")
    named = _known("leaderElection", content, keys)
    if not named:
        return None
    if not all(named.get(key) for key in keys):
        raise SettingsError(f"leaderElection lacks one of {', '.join(keys)}: give both")
    return LeaseName(named["namespace"], named["name"])


def _images(role: str, images: Mapping[str, Any]) -> dict[str, str]:
    """One reference per family; a family without one cannot be used and is told so when it is asked for."""
    references = _by_family(role, images)
    if not any(references.values()):
        raise SettingsError(
            f"images.{role} is empty: give an image for at least one of {', '.join(FAMILIES)}"
        )
    return references


def _by_family(role: str, images: Mapping[str, Any]) -> dict[str, str]:
    references = _known(f"images.{role}", images.get(role), FAMILIES)
    return {family: references.get(family) or "" for family in FAMILIES}


def _resources(role: str, resources: Mapping[str, Any]) -> dict[str, Resources]:
    by_family = _known(f"resources.{role}", resources.get(role), FAMILIES)
    return {family: parse_resources(fields or {}) for family, fields in by_family.items()}


def _known(path: str, mapping: Mapping[str, Any] | None, keys: tuple[str, ...]) -> dict[str, Any]:
    unknown = set(mapping or {}) - set(keys)
    if unknown:
        raise SettingsError(f"unknown keys {sorted(unknown)} in {path}: write some of {', '.join(keys)}")
    return dict(mapping or {})
