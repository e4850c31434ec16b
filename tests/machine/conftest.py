from collections import Counter


def pytest_terminal_summary(terminalreporter):
    """Add up what the parts of the machine's run have counted."""
    totals = Counter()
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, told in report.user_properties:
            if report.when == "call" and name == "counted":
                totals.update(told)
    for name, count in sorted(totals.items()):
        terminalreporter.write_line(f"{name}: {count}")
