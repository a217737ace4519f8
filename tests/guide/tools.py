"""The flags that programs know, by what each says itself, or by its source where it can't be run here."""

import re
import subprocess
from functools import cache
from pathlib import Path

_FLAG = re.compile(r"^\s+(?:(-\w), )?(--[\w-]+)", re.MULTILINE)

# aws-cli, awscli/data/cli.json.
_AWS_GLOBAL = {"--debug", "--endpoint-url", "--no-paginate", "--output", "--profile", "--query", "--region"}
# botocore 1.44.5, data/<service>/*/service-2.json, the inputs of the operations; what aws-cli adds to them:
# awscli/customizations/ec2/secgroupsimplify.py and ecr.py.
_AWS: dict[tuple[str, ...], set[str]] = {
    ("ec2", "authorize-security-group-ingress"): {
        "--cidr",
        "--group-id",
        "--group-name",
        "--ip-permissions",
        "--port",
        "--protocol",
        "--source-group",
    },
    ("ec2", "create-security-group"): {"--description", "--group-name", "--tag-specifications", "--vpc-id"},
    ("ec2", "describe-vpcs"): {"--filters", "--vpc-ids"},
    ("ecr", "create-repository"): {"--image-tag-mutability", "--registry-id", "--repository-name", "--tags"},
    ("ecr", "get-login-password"): set(),
    ("efs", "create-file-system"): {
        "--creation-token",
        "--encrypted",
        "--kms-key-id",
        "--performance-mode",
        "--tags",
        "--throughput-mode",
    },
    ("efs", "create-mount-target"): {"--file-system-id", "--ip-address", "--security-groups", "--subnet-id"},
    ("efs", "delete-file-system"): {"--file-system-id"},
    ("efs", "delete-mount-target"): {"--mount-target-id"},
    ("efs", "describe-mount-targets"): {"--access-point-id", "--file-system-id", "--mount-target-id"},
    ("eks", "describe-cluster"): {"--name"},
    ("iam", "create-policy"): {"--description", "--path", "--policy-document", "--policy-name", "--tags"},
    ("sts", "get-caller-identity"): set(),
}
AWS = {operation: flags | _AWS_GLOBAL for operation, flags in _AWS.items()}
# eksctl v0.215.0, pkg/ctl: create/cluster.go and pod_identity_association.go, delete/cluster.go, cmdutils.
EKSCTL = {
    ("create", "cluster"): {"--config-file", "--install-neuron-plugin", "--name", "--region"},
    ("create", "podidentityassociation"): {
        "--cluster",
        "--namespace",
        "--service-account-name",
        "--permission-policy-arns",
        "--role-arn",
    },
    ("delete", "cluster"): {"--name", "--region", "--wait", "--config-file"},
}
# docker/cli, cli/command/registry/login.go; buildah takes the same.
DOCKER = {("login",): {"--username", "--password-stdin"}}


@cache
def of_help(program: Path, verbs: tuple[str, ...]) -> frozenset[str]:
    """The flags in the help of a subcommand, short and long. Raises RuntimeError where there is none."""
    done = subprocess.run([str(program), *verbs, "--help"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return frozenset(flag for pair in _FLAG.findall(done.stdout) for flag in pair if flag)


@cache
def of_kubectl(program: Path) -> frozenset[str]:
    """The flags of every kubectl command."""
    done = subprocess.run([str(program), "options"], capture_output=True, text=True, check=True)
    return frozenset(flag for pair in _FLAG.findall(done.stdout) for flag in pair if flag)
