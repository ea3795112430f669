"""params.yaml -> Params: the whole configuration of a profile as one frozen record, checked once, at the edge.

Unknown keys and wrong types are refused with the path to the key and the nearest valid name; inside the harness the
values are trusted. Every field says what it is; the profiles say where each number comes from.
"""

from harness.project.params.compute import SIF, Compute
from harness.project.params.data import DataParams
from harness.project.params.encoders import (
    Architecture,
    EncoderFiles,
    HubEncoder,
    LocalEncoder,
    PretrainedHere,
    Pretraining,
    PublishedEncoder,
    WheelEncoder,
    encoder_dir,
)
from harness.project.params.grid import BASELINE, Grid
from harness.project.params.profile import Params, data_dir, store_dir
from harness.project.params.recipes import MaskedLM, Planted, Recipe
from harness.project.params.tasks import Evaluation, Retrieval, Training

__all__ = [
    "BASELINE",
    "SIF",
    "Architecture",
    "Compute",
    "DataParams",
    "EncoderFiles",
    "Evaluation",
    "Grid",
    "HubEncoder",
    "LocalEncoder",
    "MaskedLM",
    "Params",
    "Planted",
    "PretrainedHere",
    "Pretraining",
    "PublishedEncoder",
    "Recipe",
    "Retrieval",
    "Training",
    "WheelEncoder",
    "data_dir",
    "encoder_dir",
    "store_dir",
]
