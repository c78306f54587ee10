"""Logistic regression on MNIST: 1,000 clients, 10 a round, 100 rounds, evaluated every 20 rounds.

Ours is the figure `MNIST run of 100 rounds` of `tributary benchmark simulate`: the whole process, start and reading of
the data included. Beside it stands what Microsoft published for FLUTE and for Flower 1.0 with Ray (README of
microsoft/msrflute, the same task on its authors' machine, CPU): not measured here, no ratio is taken.
"""

import json
import os

from comparison import fail, figures, options, show_machine

chosen = options(__doc__, pairs=1)
PUBLISHED = {"FLUTE, published": 200.0, "Flower 1.0 with Ray, published": 1814.0}
found = [item for item in figures("benchmark", "simulate", "--only", "mnist") if "MNIST run" in item["name"]]
if not found:
    fail("tributary benchmark simulate printed no figure whose name holds `MNIST run`")
ours = found[0]
if chosen.json:
    print(json.dumps({"name": ours["name"], "unit": ours["unit"], "ours": ours, "published": PUBLISHED,
                      "machine": show_machine()}))
else:
    print(f"{ours['name']}\n    ours    {ours['value']:.4g} ({ours['low']:.4g} to {ours['high']:.4g}) {ours['unit']}")
    for name, seconds in PUBLISHED.items():
        print(f"    {seconds:.0f} s  {name}")
    if "generated" in ours["name"]:
        print(f"    generated pictures: TRIBUTARY_DATA is {os.environ.get('TRIBUTARY_DATA') or 'not set'}")
