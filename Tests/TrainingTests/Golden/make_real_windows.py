"""Makes real-windows.json: PyTorch's logits of the activity model on the first eight test windows of UCI-HAR.

    python3 make_real_windows.py LAB UCI_HAR

LAB is the program `tributary-lab`, which draws the initial weights of seed 8; UCI_HAR the data set's folder in its float32
layout. The weights are loaded under the names of the benchmark's state_dict into the plain module of
Tests/ModelZooTests/Golden/make_golden.py. Only logits are written: no data and no weights are in the file.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors.torch import load_file

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parents[1] / "ModelZooTests" / "Golden"))
from make_golden import Model  # noqa: E402

lab, data = sys.argv[1:3]


def windows(sensor):
    axes = [
        np.fromfile(f"{data}/test/body_{sensor}_{axis}_test.f32", "<f4").reshape(-1, 128)[:8] for axis in "xyz"
    ]
    block = np.stack(axes, 2).astype(np.float64)
    block = (block - block.mean(1, keepdims=True)) / (block.std(1, keepdims=True) + 1e-5)
    return torch.tensor(block.astype(np.float32))


def initial(fusion):
    with tempfile.TemporaryDirectory() as folder:
        hello = {
            "type": "hello", "version": 1, "job": "golden", "client": "golden", "clientIndex": 0, "seed": 8,
            "threads": 1, "model": {"name": "har", "fusion": fusion}, "data": None,
        }
        trainer = subprocess.Popen(
            [lab, "trainer"], text=True, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        for request in [hello, {"type": "initialise", "output": "w.safetensors"}]:
            trainer.stdin.write(json.dumps(request) + "\n")
            trainer.stdin.flush()
            answer = json.loads(trainer.stdout.readline())
            assert answer["type"] != "failed", answer
        trainer.stdin.close()
        assert trainer.wait() == 0
        return load_file(folder + "/w.safetensors")


golden = {}
for fusion in ["attention", "concat"]:
    model = Model("har", fusion == "attention", [("acc", ("convolution", 3)), ("gyro", ("convolution", 3))], 6, 128)
    weights = initial(fusion)
    missing, unexpected = model.load_state_dict(weights, strict=True)
    assert not missing and not unexpected
    with torch.no_grad():
        logits = model.eval().right([windows("acc"), windows("gyro")], [[128] * 8, [128] * 8])
    golden[fusion] = [[float(value) for value in row] for row in logits]
(here / "real-windows.json").write_text(json.dumps(golden, indent=1) + "\n")
