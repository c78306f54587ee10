"""Makes the golden files of WeightsTests with NumPy and the safetensors package, and checks with them what Tributary
writes. There is no randomness: element i of n is (i - n // 2) / 8, or a whole number for integer types.

    python3 -m venv venv && venv/bin/pip install numpy safetensors ml_dtypes
    venv/bin/python make_golden.py
"""

import hashlib
import io
import json
import os
import struct
import zipfile

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

HERE = os.path.dirname(os.path.abspath(__file__))


def path(name):
    return os.path.join(HERE, name)


def ramp(shape, dtype):
    n = int(np.prod(shape, dtype=int))
    if np.dtype(dtype).kind == "f":
        return ((np.arange(n) - n // 2) / 8).astype(dtype).reshape(shape)
    if np.dtype(dtype) == np.bool_:
        return (np.arange(n) % 2 == 1).reshape(shape)
    return np.arange(n).astype(dtype).reshape(shape)


TENSORS = {
    "layer.weight": ramp((2, 3), np.float32),
    "layer.bias": ramp((3,), np.float32),
    "double": ramp((4,), np.float64),
    "half": ramp((5,), np.float16),
    "count": np.array(7, np.int64),
    "bytes": ramp((2, 2), np.uint8),
    "flags": ramp((3,), np.bool_),
    "empty": ramp((0, 3), np.float32),
    "größe/ñ 漢": ramp((2,), np.float32),
    'quote"\\\n\t\x01': ramp((1,), np.float32),
}
BRAIN = (ramp((3,), np.float32).view(np.uint32) >> 16).astype(np.uint16)
NAMES = {"float32": "F32", "float64": "F64", "float16": "F16", "int64": "I64", "uint8": "U8", "bool": "BOOL"}


def parts():
    result = {name: (NAMES[str(a.dtype)], list(a.shape), a.tobytes()) for name, a in TENSORS.items()}
    result["brain"] = ("BF16", [3], BRAIN.tobytes())
    return result


def official(metadata):
    tensors = dict(TENSORS, brain=BRAIN.view(ml_dtypes.bfloat16))
    return safetensors.numpy.save(tensors, metadata=metadata)


def canonical():
    width = {"F32": 4, "F64": 8, "F16": 2, "BF16": 2, "I64": 8, "U8": 1, "BOOL": 1}
    ordered = sorted(parts().items(), key=lambda item: (-width[item[1][0]], item[0].encode()))
    header, data = {}, b""
    for name, (dtype, shape, content) in ordered:
        header[name] = {"data_offsets": [len(data), len(data) + len(content)], "dtype": dtype, "shape": shape}
        data += content
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    schema = hashlib.sha256(text).hexdigest()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data, schema


def npy(array, version):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version)
    return buffer.getvalue()


def main():
    for name, metadata in (("official.safetensors", None), ("metadata.safetensors", {"format": "pt", "übrig": "\"x\""})):
        with open(path(name), "wb") as file:
            file.write(official(metadata))
    data, schema = canonical()
    with open(path("canonical.safetensors"), "wb") as file:
        file.write(data)
    loaded = dict(safetensors.deserialize(data))
    assert {n: bytes(t["data"]) for n, t in loaded.items()} == {n: c for n, (_, _, c) in parts().items()}
    with open(path("digests.json"), "w") as file:
        json.dump({"weights": hashlib.sha256(data).hexdigest(), "schema": schema}, file, indent=1)
        file.write("\n")

    arrays = {n: a for n, a in TENSORS.items() if n.isprintable()}
    np.savez(path("stored.npz"), **arrays)
    np.savez_compressed(path("deflated.npz"), **arrays)
    odd = {
        "fortran": npy(np.asfortranarray(ramp((2, 3, 4), np.float32)), (1, 0)),
        "fortran2": npy(np.asfortranarray(ramp((5, 3), np.int64)), (2, 0)),
        "big": npy(ramp((2, 3), np.float32).astype(">f4"), (1, 0)),
        "bigFortran": npy(np.asfortranarray(ramp((3, 2), np.float64).astype(">f8")), (1, 0)),
        "version2": npy(ramp((2, 2), np.float16), (2, 0)),
        "version3": npy(ramp((2, 2), np.uint8), (3, 0)),
        "scalar": npy(np.array(2.5), (1, 0)),
    }
    with zipfile.ZipFile(path("odd.npz"), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in odd.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as member:
                member.write(content)
    for name, array in (("complex", np.array([1j])), ("structured", np.zeros(2, [("a", "f4"), ("b", "i8")])),
                        ("text", np.array(["a"])), ("i32", np.arange(3, dtype=np.int32))):
        np.savez(path(f"unsupported-{name}.npz"), x=array)
    with zipfile.ZipFile(path("lzma.npz"), "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", npy(ramp((2,), np.float32), (1, 0)))

    # What Tributary writes (kept by the tests bit for bit) must be what NumPy reads.
    for name in ("written.npz", "written-zip64.npz"):
        if os.path.exists(path(name)):
            with np.load(path(name)) as archive:
                expected = dict(TENSORS, brain=(BRAIN.astype(np.uint32) << 16).view(np.float32))
                assert set(archive.files) == set(expected), archive.files
                for key, value in expected.items():
                    assert archive[key].dtype == value.dtype and archive[key].shape == value.shape, key
                    assert (archive[key] == value).all(), key
            print(name, "loads in NumPy", np.__version__)


if __name__ == "__main__":
    main()
