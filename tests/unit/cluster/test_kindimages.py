"""How the images of kind's nodes are made; the client is a script that notes its calls."""

import os
from pathlib import Path

import pytest
from cluster import kindimages
from cluster.kindimages import KindImages


def test_names_of_kubernetes_own_images_are_taken_away_when_the_last_image_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"
    client = tmp_path / "docker"
    client.write_text(f"#!/bin/sh\necho $* >>{calls}\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    says = {"--os-image": '{"os": "debian:1"}', "config": "k8s.test/kube-proxy:1 k8s.test/pause:1"}
    monkeypatch.setattr(kindimages, "_run", lambda *words: next(says[word] for word in words if word in says))
    monkeypatch.setattr(kindimages, "_stage", lambda *_, **__: None)

    kindimages._make(KindImages("node:1", "registry:1", made_here=True))

    said = calls.read_text().splitlines()
    assert [line.split()[0] for line in said] == ["build", "build", "save", "build", "build", "rmi"]
    assert said[-1] == "rmi k8s.test/pause:1 k8s.test/kube-proxy:1"
