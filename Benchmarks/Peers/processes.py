"""Starting other systems' processes and ending them with all that they started."""

import socket
import subprocess
import time

import psutil


def free_port():
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, seconds=60):
    """Whether somebody listens on the port within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.1)
    return False


class Processes:
    """Processes that end, with their descendants, when the block that made them ends."""

    def __init__(self):
        self.started = []

    def start(self, command, log, environment):
        """Starts a process with its output in a file."""
        with open(log, "w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
        self.started.append(psutil.Process(process.pid))
        return process

    def __enter__(self):
        return self

    def __exit__(self, *_):
        family = []
        for process in self.started:
            if process.is_running():
                family += [process, *process.children(recursive=True)]
        for process in family:
            try:
                process.terminate()
            except psutil.NoSuchProcess:
                pass
        _, alive = psutil.wait_procs(family, timeout=10)
        for process in alive:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                pass
