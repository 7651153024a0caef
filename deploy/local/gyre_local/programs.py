"""What the supervisor runs, as the text of its configuration."""

import re
import shlex
from collections.abc import Mapping

from gyre_local.errors import StackError
from gyre_local.stack import RUNNER, Stack, is_runner

SERVICES_FILE = "services.conf"  # in the run folder
LOG_BYTES = 20 * 1024 * 1024
# A service that ends while it starts is tried again after 1 s, 2 s, 3 s ...: a broker that is
# away for an hour must not make the supervisor give up.
START_RETRIES = 10_000
START_S = 5
# Longer than a service may take over its last answers (22 s) and then its last handler (30 s).
STOP_S = 60
ANSWERING = ("gateway", "retrieval", "inference")
NICE = 5
UNWRITABLE = re.compile(r"[\r\n]|\s[#;]")  # supervisor cuts a line there, in quotes too


def supervisord(stack: Stack, kafka: list[str]) -> str:
    """The main file: the supervisor itself, and Kafka, which comes first and goes last."""
    run, logs = stack.run, stack.logs
    return f"""; written by the start of the stack: changes here are lost
[unix_http_server]
file={run}/supervisor.sock
chmod=0700

[supervisord]
pidfile={run}/supervisord.pid
logfile={logs}/supervisord.log
logfile_maxbytes={LOG_BYTES}
logfile_backups=1
childlogdir={logs}
directory={stack.repo}
minfds=4096

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{run}/supervisor.sock

[include]
files={run}/{SERVICES_FILE}

{program(stack, "kafka", kafka, {}, priority=1)}"""


def services(stack: Stack, python: str, environments: Mapping[str, Mapping[str, str]]) -> str:
    """The second file: each service, and each runner, with its environment."""
    return "\n".join(
        program(stack, name, [*_aside(name), python, "-m", module(name)], environment, priority=100)
        for name, environment in environments.items()
    )


def _aside(name: str) -> list[str]:
    # Who waits for an answer waits for those three. The others work on it afterwards, beside the
    # next question, and let that go first where cores are few.
    return [] if name in ANSWERING else ["nice", "-n", str(NICE)]


def module(name: str) -> str:
    """What Python runs for a program.

    >>> module("drift"), module("finetune-runner")
    ('gyre_drift', 'gyre_finetune.runner')
    """
    service = f"gyre_{name.removesuffix(RUNNER)}"
    return f"{service}.runner" if is_runner(name) else service


def program(
    stack: Stack, name: str, command: list[str], environment: Mapping[str, str], *, priority: int
) -> str:
    """One program: restarted whatever its exit status, ended with all its children.

    Raises:
        StackError: A value cannot be written.
    """
    variables = written(environment)
    return f"""[program:{name}]
command={shlex.join(command).replace("%", "%%")}
directory={stack.repo}
environment={variables}
priority={priority}
autostart=true
autorestart=true
startsecs={START_S}
startretries={START_RETRIES}
stopasgroup=true
killasgroup=true
stopwaitsecs={STOP_S}
redirect_stderr=true
stdout_logfile={stack.logs}/{name}.log
stdout_logfile_maxbytes={LOG_BYTES}
stdout_logfile_backups=3
"""


def written(environment: Mapping[str, str]) -> str:
    """Variables as supervisor reads them: in quotes they do not contain, percent signs doubled.

    >>> written({"A": "50 %"})
    'A="50 %%"'

    Raises:
        StackError: One has what no quoting can save; says which, and not its value.
    """
    return ",".join(f"{name}={_quoted(name, value)}" for name, value in sorted(environment.items()))


def _quoted(name: str, value: str) -> str:
    quote = "'" if '"' in value else '"'
    if quote in value or UNWRITABLE.search(value):
        raise StackError(
            f"the value of {name} cannot be passed on to the services: it has both kinds of "
            "quotes, a line break, or a # or ; behind a space"
        )
    return quote + value.replace("%", "%%") + quote
