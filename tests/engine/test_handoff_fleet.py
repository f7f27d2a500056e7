"""Many hand-offs in one stack, with the real engine: none waits for another's control plane."""

from __future__ import annotations

from pathlib import Path

from lab.plane import ManagementPlane
from tests.support.fleet import Fleet
from tests.support.handoff_stack import HandoffStack

SIZE, DELAY = 20, 20.0

LATE_SECONDS = 30.0
"""Generous, for a machine that does other things too: one batch after another would take another 20 s for each. What an idle
machine reaches, at most 8 s, is shown by ``bench.handoff``."""


def test_twenty_clusters_are_handed_off_together_and_a_plain_resource_does_not_wait(
    management: ManagementPlane, tmp_path: Path
) -> None:
    names = [f"c{index:02}" for index in range(SIZE)]
    with Fleet(management, delay=DELAY) as fleet:
        project = HandoffStack.of(tmp_path / "project", fleet, *names, plain=True, timeout_seconds=300)
        # The delay counts from here on: what the fleet published while the project was laid out is known anew.
        fleet.publish_again()
        update = project.start_update()
        code = update.end()
        assert code == 0, f"all are handed off; the controllers that are played: {fleet.problem!r}\n{update.output}"
        first, last = (pick(member.answers for member in fleet.members.values()) for pick in (min, max))
        ends = {name: update.creations[f"ControlPlaneEndpoint {name}"] for name in names}
        early = [name for name, at in ends.items() if at < first]
        assert not early, f"handed off before anything answered: {early}"
        late = max(ends.values()) - last
        assert late < LATE_SECONDS, f"the last hand-off ended {late:.0f} s after the last first answer"
        assert update.creations["Plain beside"] < first, "a plain dynamic resource waited for control planes"
        rerun = project.rerun()
        assert f"{SIZE + 7} unchanged" in rerun, f"twenty hand-offs, five processes, the stack, the plain one:\n{rerun}"
