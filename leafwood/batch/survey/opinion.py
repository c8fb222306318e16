"""Whether the answer about a survey is to be trusted, by all points of some of its places."""

from __future__ import annotations

import numpy as np

from leafwood.batch.survey.facts import Sample, SurveyFacts
from leafwood.batch.survey.spill import CLASSED, USABLE
from leafwood.classes import GROUND
from leafwood.cloud import PointCloud
from leafwood.inference.trust import Doubt, doubts, too_sparse

__all__ = ["doubts_of_survey", "refusal"]

_PLANT, _NOISE = 1, 7  # classes of the points of a sample


def refusal(facts: SurveyFacts, sample: Sample) -> Doubt | None:
    """The doubt about a survey that is too sparse to be labelled; None for others."""
    return too_sparse(_cloud(facts, sample))


def doubts_of_survey(facts: SurveyFacts, sample: Sample) -> tuple[Doubt, ...]:
    """Every reason not to trust the answers, see :func:`leafwood.inference.trust.doubts`.

    Densities, shapes and heights are those of the sample; the survey's are the same but for chance.
    """
    found = doubts(_cloud(facts, sample), [line for file in facts.place.files for line in file.remarks])
    return tuple(found)


def _cloud(facts: SurveyFacts, sample: Sample) -> PointCloud:
    """The sample as a labelled cloud is for those who doubt."""
    usable, classed = (sample.flags & USABLE) > 0, (sample.flags & CLASSED) > 0
    ground, height = facts.surface.under(sample.xyz, usable, classed)
    columns = {"height_ag": height, "ground": ground}
    if any(file.has_classes for file in facts.place.files):
        columns["classification"] = np.where(classed, GROUND, np.where(usable, _PLANT, _NOISE)).astype(np.uint8)
    if facts.with_returns:
        columns["return_number"], columns["number_of_returns"] = sample.returns.T
    unit, crs = facts.place.files[0].unit, facts.place.files[0].crs
    origin = facts.place.origin / np.array([unit[0], unit[0], unit[1]])
    return PointCloud(sample.xyz.astype(np.float32), origin, columns, unit, crs)
