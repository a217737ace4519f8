"""How many writes the operator has sent, from whatever the cluster offers to count them."""

import json
import re
import urllib.request

from hollow.process import OperatorProcess

VERBS = frozenset({"create", "update", "patch", "delete", "deletecollection"})
SAMPLE = re.compile(r"^neuron_operator_api_writes_total\{.*\} (?P<value>\S+)$", re.MULTILINE)


class WriteCount:
    """The operator's writes since this was made.

    Attributes:
        source: where the number comes from, in words.
    """

    def __init__(self, operator: OperatorProcess) -> None:
        self._operator = operator
        self._log = operator.kube.cluster.audit_log
        self._offset = self._log.stat().st_size if self._log else 0
        self._counted = 0
        self._before = 0 if self._log else self._metric()
        self.source = "the API server's audit log" if self._log else "the operator's own metric"

    def so_far(self) -> int:
        if self._log is None:
            return self._metric() - self._before
        with self._log.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                self._counted += self._is_write(json.loads(line))
        return self._counted

    def _is_write(self, event: dict[str, object]) -> bool:
        user = event["user"]
        assert isinstance(user, dict)
        mine = user["username"] == self._operator.user
        return mine and event["stage"] == "ResponseComplete" and event["verb"] in VERBS

    def _metric(self) -> int:
        with urllib.request.urlopen(self._operator.metrics_url, timeout=10) as answer:
            samples = SAMPLE.findall(answer.read().decode())
        return int(sum(map(float, samples)))
