"""The architectures whose decoder returns images; that of `features` returns to features of a pretrained network."""

from aecli.models.architectures import architecture_names
from aecli.recipes.sections import FEATURES

IMAGE_ARCHITECTURES = [name for name in architecture_names() if name != FEATURES]
