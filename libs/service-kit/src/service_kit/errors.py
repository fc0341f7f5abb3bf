"""The second family of errors: an outside system does not answer, and asking again later helps.

Exception
├── decider.Rejection        the rules say no
├── service_kit.Unavailable  an outside system does not answer
└── everything else          a bug: logged with its place, answered with a bare 500
"""


class Unavailable(Exception):
    """`what` (a name, never an address or a body) does not answer; retry after `retry_after` seconds."""

    def __init__(self, what: str, *, retry_after: float = 1.0) -> None:
        super().__init__(what)
        self.what, self.retry_after = what, retry_after


class ConfigurationError(Exception):
    """The process cannot start as it is set up; `findings` lists everything that is wrong, a line each."""

    def __init__(self, *findings: str) -> None:
        super().__init__("\n".join(findings))
        self.findings = findings
