"""An NVFLARE client that adds one to every array; it appends the time of every model it receives to a file."""

import sys
import time

import nvflare.client as flare

flare.init()
while flare.is_running():
    model = flare.receive()
    if model is None:
        break
    if flare.get_site_name() == "site-1":
        with open(sys.argv[-1], "a") as out:
            out.write(f"{time.perf_counter()}\n")
    added = {name: value + 1 for name, value in model.params.items()}
    flare.send(flare.FLModel(params=added, params_type="FULL", metrics={"accuracy": 0.0}))
