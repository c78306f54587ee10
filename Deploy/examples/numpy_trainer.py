#!/usr/bin/env python3
"""A Tributary trainer on NumPy alone: multinomial logistic regression ("softmax" model).

The client daemon starts it in a private working folder and exchanges one JSON object a line with it; see the trainer
contract in the documentation. Use it in client.yaml with `trainer: {command: [python3, /path/to/numpy_trainer.py]}`.
Replace `Softmax` by a model of your own, in any library: the rest stays as it is.
"""
import hashlib, json, os, queue, struct, sys, threading, time
import numpy as np

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?"}
LONGEST_LINE = 1 << 20


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])], DTYPES[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()}


def header_text(tensors):
    """The canonical header of float32 tensors; its SHA-256 is the digest of the model's schema."""
    header, offset = {}, 0
    for name in sorted(tensors, key=str.encode):
        size = 4 * tensors[name].size
        header[name] = {"data_offsets": [offset, offset + size], "dtype": "F32", "shape": list(tensors[name].shape)}
        offset += size
    return json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def write_safetensors(path, tensors):
    header = header_text(tensors)
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for name in sorted(tensors, key=str.encode):
            file.write(np.ascontiguousarray(tensors[name], "<f4").tobytes())


def read_split(folder, split):
    """Inputs [N, D], the modalities flattened and concatenated in the manifest's order, and labels [N]."""
    with open(f"{folder}/site.json") as file:
        site = json.load(file)
    width = sum(int(np.prod(modality["shape"])) for modality in site["modalities"])
    classes = site["classes"] if isinstance(site["classes"], int) else len(site["classes"])
    inputs, labels = [np.zeros((0, width), np.float32)], [np.zeros(0, np.int64)]
    for shard in site["splits"].get(split, []):
        path = f"{folder}/{shard['file']}"
        arrays = np.load(path) if path.endswith(".npz") else read_safetensors(path)
        count = len(arrays["labels"])
        inputs.append(np.hstack([arrays[m["name"]].reshape(count, -1).astype(np.float32) for m in site["modalities"]]))
        labels.append(arrays["labels"].astype(np.int64))
    return np.concatenate(inputs), np.concatenate(labels), classes


class Softmax:
    def __init__(self, hello):
        self.seed, self.client, self.data = hello["seed"], hello["clientIndex"], hello.get("data")
        strategy = (hello.get("strategy") or {}).get("name", "fedavg")
        if strategy not in ("fedavg", "fedopt"):  # The others ask something of the client.
            raise ValueError(f"this trainer does not know the strategy {strategy!r}")
        if self.data:
            self.splits = {split: read_split(self.data["path"], split) for split in ("train", "test")}
            inputs, _, self.classes = self.splits["train"]
            self.width = inputs.shape[1]
        else:  # Without data, `tributary submit` asks for initial weights: the job has to say how large they are.
            self.width, self.classes = int(hello["model"]["features"]), int(hello["model"]["classes"])

    def zeros(self):
        return {"weight": np.zeros((self.classes, self.width), np.float32), "bias": np.zeros(self.classes, np.float32)}

    def initialise(self, request, check):
        bound, random = 1 / np.sqrt(self.width), np.random.default_rng(self.seed)
        weights = {name: random.uniform(-bound, bound, tensor.shape) for name, tensor in self.zeros().items()}
        write_safetensors(request["output"], weights)
        return {}

    def forward(self, weights, inputs, labels):
        logits = inputs @ weights["weight"].T + weights["bias"]
        logits -= logits.max(axis=1, keepdims=True)
        log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        rows = np.arange(len(labels))
        return log_probabilities, -float(log_probabilities[rows, labels].sum(dtype=np.float64))

    def train(self, request, check):
        config, (inputs, labels, _) = request["config"], self.splits["train"]
        rate, momentum = config.get("learningRate", 0.05), config.get("momentum", 0.0)
        decay, clip = config.get("weightDecay", 0.0), config.get("clipNorm", 0.0)
        epochs, batch = int(config.get("epochs", 1)), int(config.get("batchSize", 16))
        # What begins with "aux." is the strategy's own.
        start = {name: tensor for name, tensor in read_safetensors(request["weights"]).items()
                 if not name.startswith("aux.")}
        weights = {name: tensor.astype(np.float32) for name, tensor in start.items()}
        velocity, loss, correct = self.zeros(), 0.0, 0
        random = np.random.default_rng([self.seed, self.client, request["round"]])
        for epoch in range(epochs):
            order, loss, correct = random.permutation(len(labels)), 0.0, 0
            for first in range(0, len(order), batch):
                chosen = order[first:first + batch]
                x, y = inputs[chosen], labels[chosen]
                scores, batch_loss = self.forward(weights, x, y)
                loss, correct = loss + batch_loss, correct + int((scores.argmax(axis=1) == y).sum())
                error = np.exp(scores)
                error[np.arange(len(y)), y] -= 1
                error /= len(y)
                gradient = {"weight": error.T @ x, "bias": error.sum(axis=0)}
                norm = np.sqrt(sum(float((g * g).sum()) for g in gradient.values()))
                scale = min(1.0, clip / (norm + 1e-6)) if clip else 1.0
                for name in weights:
                    velocity[name] = momentum * velocity[name] + scale * gradient[name] + decay * weights[name]
                    weights[name] -= np.float32(rate) * velocity[name]
                check((epoch + (first + len(y)) / len(order)) / epochs, {"loss": loss / (first + len(y))})
        write_safetensors(request["update"], {name: weights[name] - start[name] for name in weights})
        return {"examples": len(labels), "sums": {"loss": loss, "correct": correct}}

    def evaluate(self, request, check):
        inputs, labels, classes = self.splits.get(request["split"]) or read_split(self.data["path"], request["split"])
        scores, loss = self.forward(read_safetensors(request["weights"]), inputs, labels)
        confusion = np.zeros((classes, classes), np.int64)
        np.add.at(confusion, (labels, scores.argmax(axis=1)), 1)
        return {"examples": len(labels), "sums": {"loss": loss, "correct": int(np.trace(confusion))},
                "confusion": confusion.tolist()}


class Cancelled(Exception):
    pass


def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def listen(requests, cancelled):
    """Reads standard input on its own thread, so that its end and `cancel` count in the middle of a step."""
    while line := sys.stdin.buffer.readline(LONGEST_LINE + 2):
        try:
            if len(line.rstrip(b"\n")) > LONGEST_LINE:
                raise ValueError("a line over 1 MiB")
            request = json.loads(line)
            if request["type"] not in ("hello", "initialise", "train", "evaluate", "cancel", "bye"):
                raise ValueError(f"unknown type {request['type']!r}")
        except (ValueError, KeyError, TypeError) as error:
            say(type="failed", code="message", reason=str(error))
            os._exit(2)
        if request["type"] == "bye":
            break
        if request["type"] == "cancel":
            cancelled.set()
        else:
            cancelled.clear()
            requests.put(request)
    os._exit(0)


def main():
    requests, cancelled, model = queue.Queue(), threading.Event(), None
    threading.Thread(target=listen, args=(requests, cancelled), daemon=True).start()
    while True:
        request, last = requests.get(), time.monotonic()

        def check(fraction, metrics):
            nonlocal last
            if cancelled.is_set():
                raise Cancelled
            if time.monotonic() - last > 0.5:
                last = time.monotonic()
                say(type="progress", fraction=fraction, metrics=metrics)

        try:
            if request["type"] == "hello":
                model = Softmax(request)
                counts = {split: len(labels) for split, (_, labels, _) in model.splits.items()} if model.data else {}
                say(type="hello", version=1, trainer="numpy_trainer 1.0", threads=request.get("threads", 1),
                    libraries={"NumPy": np.__version__}, datasets=counts,
                    schema=hashlib.sha256(header_text(model.zeros())).hexdigest())
            else:
                say(type="done", **getattr(model, request["type"])(request, check))
        except Cancelled:
            say(type="failed", code="cancelled", reason="given up on request")
        except Exception as error:  # Bad data is an answer; the next request may be a good one.
            say(type="failed", code="data", reason=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
