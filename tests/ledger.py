"""
What all emulators of this process have handed out, and what they were shown.

Each test is held to it: a token goes to Graph's door alone, a credential to the authority's, what opens a
monitor to that monitor, and nothing of it to a host that is none of ours.
"""

from urllib.parse import parse_qs, urlsplit

from airflow_provider_drive.emulator import Tenant
from airflow_provider_drive.emulator.graph.monitor import monitor_url

_LEAST = 9  # what is shorter is no secret, but a version or a flag


def openers(url):
    """Give all that opens a monitor: its URL, and what of it is no common word."""
    parts = urlsplit(url or "")
    pairs = [pair.partition("=")[2] for pair in parts.query.split("&")]
    decoded = [value for values in parse_qs(parts.query).values() for value in values]
    path = [] if parts.query else [parts.path]
    return {text for text in (url, *pairs, *decoded, *path) if text and len(text) >= _LEAST}


class Ledger:
    """
    The secrets of a session, and the leaks that were seen.

    :ivar secrets: What each secret is, by its text.
    :ivar recent: Those of the test that runs.
    :ivar leaks: What it has shown to whom it should not have.
    :ivar ours: How many requests the package has sent in this session, and how many of them ``with_token``.
    :ivar strays: What it has shown in this session to whom it should not have.
    :ivar foreign: The tenants of hosts that are none of ours.
    """

    def __init__(self):
        self.secrets, self.recent, self.leaks, self.foreign = {}, {}, [], []
        self.ours, self.with_token, self.strays = 0, 0, []

    def keep(self, kind, *texts):
        found = dict.fromkeys((text for text in texts if len(text) >= _LEAST), kind)
        self.recent |= found
        self.secrets |= found

    def begin(self):
        """Begin a test."""
        self.recent, self.leaks = {}, []

    def is_shown_in(self, text):
        """Whether a text shows what was handed out since the test began."""
        return any(secret in text for secret in list(self.recent))  # an emulator may be adding to it

    def finder(self):
        """Return what tells whether a text shows any secret, in a time like the text's length."""
        ends = {}
        for secret in list(self.secrets):
            ends.setdefault(secret[-_LEAST:], []).append(secret)

        def finds(text):
            return any(
                text.endswith(secret, 0, start + _LEAST)
                for start in range(len(text) - _LEAST + 1)
                for secret in ends.get(text[start : start + _LEAST], ())
            )

        return finds

    def issued(self, tenant, token):
        self.keep("tokens", token)
        self.keep("client secrets", tenant.client_secret)
        self.keep("refresh tokens", *tenant.grants)
        self.keep("identity headers", tenant.identity_header)
        return token

    def accepted(self, job):
        self.keep("parts of monitor URLs", *openers(monitor_url(job, "https://localhost")), job.tempauth)
        return job

    def noted(self, tenant, call):
        """Hold one request against the rules."""
        said = f"{call.path}?{call.query} {call.headers} {call.body!r}"
        foreign = tenant in self.foreign
        shown = f"{call.method} {call.where} at {call.host}{', a foreign host' * foreign}"
        leaks = []
        if call.authorized and (foreign or call.where != "graph"):
            leaks.append(f"a token was shown to {shown}")
        if (foreign or call.where != "token") and any(
            secret in said for secret in (tenant.client_secret, *list(tenant.grants), *tenant.tokens)
        ):
            leaks.append(f"a credential was shown to {shown}")
        if call.where in {"graph", "token"} and "tempauth=" in said:
            leaks.append(f"what opens a monitor was shown to {shown}")
        self.leaks += leaks
        if "airflow-provider-drive/" in call.headers.get("user-agent", ""):
            self.ours += 1
            self.with_token += call.authorized
            self.strays += leaks


ledger = Ledger()


def _listen(method, hear):
    def heard(self, *arguments, **more):
        result = method(self, *arguments, **more)
        hear(self, result, *arguments)
        return result

    return heard


# for all emulators, whoever starts them
Tenant.issue_token = _listen(Tenant.issue_token, lambda tenant, token, *_: ledger.issued(tenant, token))
Tenant.issue_refresh_token = _listen(
    Tenant.issue_refresh_token, lambda _, token, *__: ledger.keep("refresh tokens", token)
)
Tenant.start_job = _listen(Tenant.start_job, lambda _, job, *__: ledger.accepted(job))
Tenant.record_call = _listen(Tenant.record_call, lambda tenant, _, call: ledger.noted(tenant, call))
