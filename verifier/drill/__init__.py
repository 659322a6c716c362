"""One drill: composes every stage, from the listing to the bundle, and cleans up."""

from verifier.drill.drill import drill
from verifier.drill.planning import CopyPlan, ScenarioPlan, plan_scenario
from verifier.drill.surroundings import DrillResult, Surroundings
from verifier.drill.watching import Interruption, Watcher

__all__ = [
    "CopyPlan",
    "DrillResult",
    "Interruption",
    "ScenarioPlan",
    "Surroundings",
    "Watcher",
    "drill",
    "plan_scenario",
]
