"""The order in which the nodes of a graph run: late edges are those that lead back."""

import numpy as np
from snn_nodes.exchange.graph import schedule


def test_a_schedule_is_an_order_and_late_edges_are_few():
    generator = np.random.default_rng(0)
    for _ in range(200):
        n = int(generator.integers(2, 9))
        names = [f"n{k}" for k in range(n)]
        edges = [("in", "n0")]
        for a in names:
            edges += [(a, b) for b in names if generator.random() < 0.25]
        plan = schedule(["in", *names], edges, ["in"], breaking=names)
        flat = [name for group in plan.groups for name in group]
        assert sorted(flat) == sorted(["in", *names])
        place = {name: k for k, name in enumerate(flat)}
        for a, b in edges:
            assert ((a, b) in plan.late) == (place[a] >= place[b]), "late is what leads back"
        of = {name: k for k, group in enumerate(plan.groups) for name in group}
        for a, b in plan.late:
            assert of[a] == of[b], "only within a cycle"
        assert schedule(["in", *names[::-1]], edges, ["in"], breaking=names) == plan
