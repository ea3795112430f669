"""The experiments start from a published encoder."""

from __future__ import annotations

from typing import Literal

from harness.project.params import HubEncoder
from harness.verify.claims.facts import SHORT, Facts, Finding, Lacking
from harness.verify.claims.kinds.base import LookedUp
from harness.verify.claims.kinds.pieces import ProjectFiles


class StartsFrom(LookedUp):
    """The experiments start from a published encoder."""

    kind: Literal["provenance"]
    asserted: Literal["encoder"]
    profile: str
    """The profile that must pin it, by revision and sha256."""
    repository: str
    """Owner and name of the encoder on the hub."""

    def expects(self, n_claim: int | None) -> str:
        """The encoder's name without its owner."""
        return self.repository.rpartition("/")[2]

    def files(self) -> ProjectFiles:
        """The profile."""
        return ProjectFiles(profiles=[self.profile])

    def look_up(self, facts: Facts) -> Finding:
        """Compare the encoder that the profile pins."""
        encoder = facts.profile(self.profile).encoder
        if not isinstance(encoder, HubEncoder):
            raise Lacking("no pin", f"profiles/{self.profile}.yaml pins no published encoder")
        here = facts.fetched.get(self.profile, {})
        checked = all(here.get(name) == sha256 for name, sha256 in encoder.files.items())
        how = "fetched to this machine, and checked then" if checked else "not fetched to this machine"
        files = ", ".join(f"{name} {sha256:.{SHORT}}" for name, sha256 in encoder.files.items())
        pin = f"{encoder.repository} at {encoder.revision:.{SHORT}}"
        contents = f"{encoder.parameters:,} parameters; sha256 of {files}"
        return Finding(
            verdict="CONFIRMED" if encoder.repository == self.repository else "REFUTED",
            found=encoder.repository.rpartition("/")[2],
            note="checked here" if checked else "pinned",
            reasons=[f"profiles/{self.profile}.yaml starts from {pin} ({contents}); {how}"],
        )

    def decided_by(self) -> str:
        """Whose encoder."""
        return f"the encoder that profiles/{self.profile}.yaml pins; the claim expects {self.repository}"
