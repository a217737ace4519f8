"""The flags that programs know, by what each says itself, or by its source where it can't be run here."""

import re
import subprocess
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

_FLAG = re.compile(r"^\s+(?:(-\w), )?(--[\w-]+)", re.MULTILINE)

# aws-cli, awscli/data/cli.json.
AWS_GLOBAL = {
    "--debug",
    "--endpoint-url",
    "--no-verify-ssl",
    "--no-paginate",
    "--output",
    "--query",
    "--profile",
    "--region",
    "--version",
    "--color",
    "--no-sign-request",
    "--ca-bundle",
}
# What aws-cli adds to a service's own: awscli/customizations/ec2/secgroupsimplify.py and ecr.py.
AWS_OWN = {
    ("ec2", "authorize-security-group-ingress"): {"--protocol", "--port", "--cidr", "--source-group"},
    ("ecr", "get-login-password"): set[str](),
}
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


@cache
def of_aws(service: str, operation: str) -> frozenset[str]:
    """The flags of an operation, from the service's own description. Raises KeyError where there is none."""
    own = AWS_OWN.get((service, operation), set())
    model = botocore.session.get_session().get_service_model(service)
    names = {xform_name(each, "-"): each for each in model.operation_names}
    if operation not in names:
        return frozenset(AWS_OWN[(service, operation)] | AWS_GLOBAL)
    shape = model.operation_model(names[operation]).input_shape
    members = shape.members if shape is not None else {}
    return frozenset({f"--{xform_name(name, '-')}" for name in members} | own | AWS_GLOBAL)
