"""Prints golden values of HashedText as JSON, with Python's standard library alone: the places and values of one token's vector,
written from the description of the scheme."""
import json
import math

MASK = (1 << 64) - 1


def mix(value):
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & MASK
    return value ^ value >> 31


def add(vector, text, places, weight):
    state = 0xCBF29CE484222325
    for byte in text.encode():
        state = ((state ^ byte) * 0x100000001B3) & MASK
    for _ in range(places):
        state = mix((state + 0x9E3779B97F4A7C15) & MASK)
        vector[state % 512] += -weight if state >> 63 else weight


def features(tokens):
    previous, rows = "", []
    for token in tokens:
        vector = [0.0] * 512
        add(vector, f"w {token}", 8, 1)
        marked = f"<{token}>"
        pieces = [marked[i : i + n] for n in (3, 4, 5) for i in range(len(marked) - n + 1)]
        for piece in pieces:
            add(vector, f"c {piece}", 1, 2 / math.sqrt(max(1, len(pieces))))
        add(vector, f"p {previous} {token}", 4, 0.5)
        scale = math.sqrt(512 / sum(v * v for v in vector))
        rows.append([v * scale for v in vector])
        previous = token
    return rows


rows = features(["you're", "caf\u00e9", "!"])
for row in rows:
    print(json.dumps({place: round(value, 4) for place, value in enumerate(row) if value}))
