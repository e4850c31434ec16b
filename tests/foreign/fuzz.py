"""
Long fuzzing: ``make fuzz SECONDS=600`` runs each target for 600 s, starting from its earlier corpus.

libFuzzer reports a crash if a target raises anything but a :class:`DriveError`, if one input takes longer
than ``-timeout``, or if the process uses more memory than ``-rss_limit_mb``.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMITS = ("-timeout=10", "-rss_limit_mb=2048", "-max_len=16384", "-print_final_stats=1")


def fuzz(name, corpus, *options):
    """Fuzz a target with atheris."""
    import atheris  # noqa: PLC0415  # there is no wheel for every Python, and only this needs it

    with atheris.instrument_imports(include=["airflow_provider_drive", "msal"]):
        from foreign.seeds import SEEDS  # noqa: PLC0415  # what is imported here is instrumented
        from foreign.targets import TARGETS, read  # noqa: PLC0415  # likewise

    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: read(TARGETS[name], data) and None)
    atheris.Fuzz()


def names():
    from foreign.targets import TARGETS  # noqa: PLC0415  # only this process need not instrument them

    return list(TARGETS)


def run(name, seconds):
    """Fuzz one target in its own process; print how many inputs it read, and whether it passed."""
    place = ROOT / ".fuzz" / name
    place.mkdir(parents=True, exist_ok=True)
    options = (*LIMITS, f"-max_total_time={seconds}", f"-artifact_prefix={place}/crash-")
    command = [sys.executable, __file__, name, *options]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603  # ourselves
    (place / "log").write_text(done.stdout + done.stderr)
    inputs = [line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    outcome = f"FELL, see {place}" if done.returncode else "stood"
    print(f"{name}: {inputs[0] if inputs else '?'} inputs, {outcome}", flush=True)  # noqa: T201  # for people
    return done.returncode


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
    os.environ |= {
        "AIRFLOW_HOME": str(ROOT / ".fuzz" / "airflow"),
        "AIRFLOW__CORE__FERNET_KEY": "81HqDtbqAywKSOumSha3BhWNOdQ26slT6K0YaZeZyPs=",
    }
    if sys.argv[1:] and sys.argv[1].isdigit():
        sys.exit(max(run(name, int(sys.argv[1])) for name in sys.argv[2:] or names()))
    fuzz(sys.argv[1], ROOT / ".fuzz" / sys.argv[1] / "corpus", *sys.argv[2:])
