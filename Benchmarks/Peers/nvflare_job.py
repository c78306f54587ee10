"""Runs NVFLARE's simulator: ROUNDS FLOATS WORKSPACE STAMPS."""

import os
import sys

from nvflare.app_common.np.recipes.fedavg import NumpyFedAvgRecipe
from nvflare.recipe import SimEnv

rounds, floats, workspace, stamps = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
os.chdir(os.path.dirname(os.path.abspath(__file__)))
recipe = NumpyFedAvgRecipe(name="empty", model=[[0.0] * floats], min_clients=2, num_rounds=rounds,
                           train_script="nvflare_client.py", train_args=stamps)
recipe.execute(SimEnv(num_clients=2, workspace_root=workspace))
