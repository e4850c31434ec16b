def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, told in report.user_properties:
            if report.when == "call" and name == "counted":
                terminalreporter.write_line(told)
