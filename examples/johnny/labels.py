"""How the model is used: PNG files become its tensors, the largest of its classes becomes a name."""

from flinktf import models


def pictures() -> models.Images:
    return models.Images("picture")


def names() -> models.Label:
    return models.Label([str(digit) for digit in range(10)])
