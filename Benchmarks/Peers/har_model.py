"""The activity model with attention (420,684 parameters) from PyTorch's own layers."""

import torch
from torch import nn


class Tower(nn.Module):
    """Three times convolution, ReLU, pooling and dropout, then a GRU: [batch, 128, 3] to [batch, 16, 128]."""

    def __init__(self):
        super().__init__()
        stages, width = [], 3
        for filters in (32, 64, 128):
            stages += [nn.Conv1d(width, filters, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Dropout(0.1)]
            width = filters
        self.stages = nn.Sequential(*stages)
        self.recurrence = nn.GRU(128, 128, batch_first=True)

    def forward(self, windows):
        return self.recurrence(self.stages(windows.transpose(1, 2)).transpose(1, 2))[0]


class ActivityModel(nn.Module):
    """Two towers, additive attention of six heads over their 32 steps, and the classifier."""

    def __init__(self, classes=6):
        super().__init__()
        self.towers = nn.ModuleList([Tower(), Tower()])
        self.score = nn.Sequential(nn.Linear(128, 512), nn.Tanh(), nn.Linear(512, 6))
        self.head = nn.Sequential(nn.Linear(6 * 128, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, classes))

    def forward(self, acceleration, rotation):
        steps = torch.cat([self.towers[0](acceleration), self.towers[1](rotation)], dim=1)
        weights = torch.softmax(self.score(steps).transpose(1, 2), dim=2)
        return self.head((weights @ steps).flatten(1))
