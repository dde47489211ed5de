"""What must not change between the runs into one report."""

from collections.abc import Mapping
from dataclasses import dataclass

from cxr_edge.models.preferred import Preferred


@dataclass(frozen=True)
class RunIdentity:
    """What must be the same for a report to be continued."""

    model: str
    """Name of the model."""
    model_sha256: str
    """Digest of the artefact."""
    input: str
    """Pixels that it takes, and how they are scaled."""
    recipe: str
    """Preprocessing recipe."""
    recipe_sha256: str
    """Its digest."""
    labels: tuple[str, str]
    """Negative, positive."""
    threshold: float
    """That makes the label."""
    runtime: str
    """That computed it."""
    provider: str
    """That the runtime used."""
    batch_size: int
    """Images a call of the model, on a device where that can change the last bit of a probability;
    1 on a CPU, where it does not."""

    @property
    def preferred(self) -> Preferred:
        """What continuing the report prefers where ``auto`` is asked for."""
        return Preferred(self.runtime, self.model_sha256, self.batch_size)


def differences(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    """Tell what is not as it was, key by key; empty where all is."""
    return "; ".join(
        f"{key.replace('_', ' ')} was {before.get(key)}, now {now[key]}"
        for key in now
        if before.get(key) != now[key]
    )
