"""A role process without TensorFlow: its task's entrypoint says how it behaves. The agent under test is real."""

import contextlib
import faulthandler
import json
import os
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

from flinktf.protocol.connection import read_frame, send_frame
from flinktf.protocol.frames import FrameType
from flinktf.protocol.task import task_from_json
from flinktf.training.forkserver import serve

control, _ = serve(socket.socket(fileno=int(sys.argv[sys.argv.index("--control-fd") + 1])))


def tell(event: str, **values: object) -> None:
    control.sendall(json.dumps({"event": event, **values}).encode() + b"\n")


tell("phase", phase="waiting")
line, fds, _, _ = socket.recv_fds(control, 65536, 1)
if not line:
    sys.exit(0)
task = task_from_json(Path(json.loads(line)["task"]).read_text())
stream = socket.socket(fileno=fds[0])
send_frame(stream, FrameType.READY, json.dumps({"version": 1, "generation": task.generation}).encode())
tell("phase", phase="training")
print("the last words of", task.role)
behaviour = task.entrypoint or ""
if behaviour == "exit":
    os._exit(3)
if behaviour == "die":
    os.kill(os.getpid(), signal.SIGKILL)
if behaviour == "leave a file and die":
    left = tempfile.mkdtemp()
    Path(task.code_path, "left").write_text(left)
    os.kill(os.getpid(), signal.SIGKILL)
if behaviour == "garbage":
    control.sendall(b"\xff not json\n[1]\n")
if behaviour == "raise":
    tell("failed", type="ValueError", message="too sour", traceback="Traceback …")
    os._exit(1)
if behaviour == "verbose":
    sys.stdout.write("x" * (3 << 20))
    sys.stdout.flush()
    os._exit(3)
if behaviour == "half told":
    tell("failed", type="ValueError", message="too sour", traceback="Traceback …")
    os.kill(os.getpid(), signal.SIGKILL)
if behaviour == "chatter":
    control.sendall(b"nonsense\n" * 20_000)
    tell("phase", phase="done")
    for _ in range(3):
        tell("notice", message="n" * 900_000)
    tell("progress", step=1, rows=1, metrics={f"m{i}": 1.0 for i in range(20_000)})
if behaviour == "die of results":
    with contextlib.suppress(BlockingIOError):
        while True:
            stream.send(b"FT\x06\x00\x00\x00\x00\x00", socket.MSG_DONTWAIT)
    os._exit(3)
if behaviour == "die when told":
    stream.recv(1)
    os._exit(3)
if behaviour == "be killed when told":
    stream.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)
if behaviour in ("hang", "stop", "fall silent"):
    faulthandler.register(signal.SIGUSR1)
    tell("pulse", waiting=None, waited={"records": 0.0, "peers": 0.0}, moves=0)
    if behaviour == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    while True:
        time.sleep(0.2)
        if behaviour == "hang":
            tell("pulse", waiting=None, waited={"records": 0.0, "peers": 0.0}, moves=0)
if behaviour == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
if behaviour == "until stopped":
    while b"stop" not in control.recv(65536):
        pass
frames = 0
while behaviour == "read" and (frame := read_frame(stream)) is not None and frame.type is not FrameType.END:
    frames += 1
    tell("progress", step=frames, rows=10 * frames, metrics={"loss": 0.5})
tell("done", step=frames, rows=10 * frames)
send_frame(stream, FrameType.DONE, json.dumps({"rows": 10 * frames, "steps": frames}).encode())
if behaviour == "stay":
    tell("stays")
    signal.pause()
os._exit(0)
