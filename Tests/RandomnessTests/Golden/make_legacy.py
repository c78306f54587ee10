"""Prints the values of LegacyRandomStateTests as Swift literals, from NumPy's legacy generator (any NumPy >= 1.17)."""
import numpy as np


def show(name, values):
    print(f"{name}: [{', '.join(repr(v.item() if hasattr(v, 'item') else v) for v in values)}]")


for seed in (0, 2, 8, 4294967295):
    show(f"random {seed}", np.random.RandomState(seed).random_sample(3))
state = np.random.RandomState(5)
state.random_sample(1000)
show("random 5, after 1000", state.random_sample(2))
order = np.arange(10)
np.random.RandomState(8).shuffle(order)
show("shuffle 8", order)
show("permutation 0", np.random.RandomState(0).permutation(10))
show("permutation 7 of 1000, first", np.random.RandomState(7).permutation(1000)[:10])
show("normal 3", np.random.RandomState(3).standard_normal(5))
show("exponential 3", np.random.RandomState(3).standard_exponential(4))
for shape in (0.0, 0.1, 0.7, 1.0, 1.5, 5.0, 100.0):
    show(f"gamma {shape}", np.random.RandomState(11).standard_gamma(shape, 4))
show("dirichlet 0.1", np.random.RandomState(8).dirichlet([0.1] * 5))
show("dirichlet 5", np.random.RandomState(8).dirichlet([5.0] * 5))
show("dirichlet mixed", np.random.RandomState(9).dirichlet([0.5, 1.0, 2.0, 0.05]))
state = np.random.RandomState(21)
mixed = [state.standard_normal(), state.random_sample(), state.standard_normal(), state.standard_gamma(2.5)]
show("mixed 21", mixed + list(state.permutation(4)) + [state.random_sample()])
