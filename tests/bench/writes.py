"""How many writes the operator has sent, from whatever the cluster offers to count them."""

import re
import urllib.request

from hollow.process import OperatorProcess
from support.writes import Writes

SAMPLE = re.compile(r"^neuron_operator_api_writes_total\{.*\} (?P<value>\S+)$", re.MULTILINE)


class WriteCount:
    """The operator's writes since this was made.

    Attributes:
        source: where the number comes from, in words.
    """

    def __init__(self, operator: OperatorProcess) -> None:
        self._operator = operator
        audited = operator.kube.cluster.audit_log is not None
        self._writes = Writes(operator) if audited else None
        self._before = 0 if audited else self._metric()
        self.source = "the API server's audit log" if audited else "the operator's own metric"

    def so_far(self) -> int:
        if self._writes is not None:
            return len(self._writes.since_made())
        return self._metric() - self._before

    def _metric(self) -> int:
        with urllib.request.urlopen(self._operator.metrics_url, timeout=10) as answer:
            return int(sum(map(float, SAMPLE.findall(answer.read().decode()))))
