"""Golden records in WFDB format, written and read back by the publisher's own Python package.

Usage: python3 make_wfdb.py > wfdb.json

One record each in formats 16, 80 and 212, three signals of an odd number of samples, so that format 212 ends within a
group of three bytes; a record in two files; each with a sample that is missing (null). Needs wfdb (made with 4.3.1).
"""

import base64
import json
import os
import tempfile

import numpy as np
import wfdb

SEED = 20


def golden(format, folder, random, files=None):
    low, high = {"16": (-32000, 32000), "80": (-120, 120), "212": (-2040, 2040)}[format]
    digital = random.integers(low, high, (7, 3))
    digital[0] = [low, high, 0]
    name = f"record{format}" + ("split" if files else "")
    gains, baselines = [1000.0, 200.5, 3.25], [0, -12, 100]
    missing = {"16": -32768, "80": -128, "212": -2048}[format]
    digital[4, 1] = missing
    if files is None:
        wfdb.wrsamp(
            name, fs=100, units=["mV", "mV", "uV"], sig_name=["I", "AVR", "V 1"], d_signal=digital, fmt=[format] * 3,
            adc_gain=gains, baseline=baselines, comments=["a comment"], write_dir=folder,
        )
    else:
        record = wfdb.Record(
            record_name=name, n_sig=3, fs=100, sig_len=7, fmt=[format] * 3, adc_gain=gains, baseline=baselines,
            units=["mV", "mV", "uV"], sig_name=["I", "AVR", "V 1"], file_name=files, d_signal=digital,
        )
        record.set_d_features()
        record.set_defaults()
        record.wrsamp(write_dir=folder)
    names = sorted(set(files or [f"{name}.dat"]))
    physical, _ = wfdb.rdsamp(os.path.join(folder, name))
    return {
        "name": name,
        "header": open(os.path.join(folder, name + ".hea")).read(),
        "files": {file: base64.b64encode(open(os.path.join(folder, file), "rb").read()).decode() for file in names},
        "physical": [[None if np.isnan(x) else float(f"{x:.10g}") for x in signal] for signal in physical.T],
    }


with tempfile.TemporaryDirectory() as folder:
    random = np.random.default_rng(SEED)
    records = [golden(format, folder, random) for format in ["16", "80", "212"]]
    records.append(golden("16", folder, random, ["a.dat", "a.dat", "b.dat"]))
    print(json.dumps({"records": records}))
