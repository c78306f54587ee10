"""The convolutional network of pfl-research's CIFAR-10 benchmark (1,626,442 parameters) as pfl wants models."""

import torch
from pfl.metrics import Weighted
from torch import nn


class PictureModel(nn.Module):
    """Two convolutions without padding, one pooling, two dense layers."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
            nn.Flatten(), nn.Linear(14 * 14 * 64, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))
        for layer in self.layers:
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, pictures):
        return self.layers(pictures)

    def loss(self, pictures, labels, eval=False):  # noqa: A002
        """What pfl descends on."""
        self.eval() if eval else self.train()
        return nn.functional.cross_entropy(self(pictures), labels)

    @torch.no_grad()
    def metrics(self, pictures, labels, eval=True):  # noqa: A002
        """What pfl evaluates."""
        self.eval() if eval else self.train()
        loss = nn.functional.cross_entropy(self(pictures), labels, reduction="sum")
        return {"loss": Weighted(loss.item(), len(labels))}
