"""Hardware: who has which circuits, and what is kept of them."""

import pytest
import torch
from snn_hardware import Effects, NoRoom, Target
from snn_hardware.hardware import Hardware
from snn_hardware.placement import Request
from snn_hardware.units import Units

UNITS = Units(0.0, 80.0, 45.0, 1.0)


def hardware(**options):
    return Hardware(7, Effects.none(), **{"partition": False, **options})


def request(name="", n_out=4, n_in=3, **more):
    return Request(name, n_out=n_out, n_in=n_in, **more)


def test_a_layer_is_held_once():
    chip, weight = hardware(), torch.ones(4, 3)
    first = chip.hold(request(), weight)
    assert chip.hold(request(), weight) is first
    assert chip.hold(request(), weight.detach()) is first
    assert chip.hold(request(), torch.ones(4, 3)) is not first
    assert chip.held[0] is first


def test_the_parts_of_a_large_layer_are_put_together():
    chip = hardware(partition=True)
    held = chip.hold(request("wide", n_out=700), torch.ones(700, 3))
    assert [len(one.circuits) for one in held.runs] == [512, 188]
    assert held.circuits.tolist() == [*range(512), *range(188)]
    assert held.alone
    # it has the chip to itself while it runs: others are placed as if it were not there
    assert chip.hold(request("small"), torch.ones(4, 3)).circuits.tolist() == [0, 1, 2, 3]


def test_without_partition_a_large_layer_has_no_room():
    with pytest.raises(NoRoom, match=r"needs 700 circuits.*partition=True"):
        hardware().hold(request("wide", n_out=700), torch.ones(700, 3))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"n_out": 5}, "has 4 neurons with 3 inputs on the chip, not 5 with 3"),
        ({"n_in": 2}, "not 4 with 2; give this one another name, or chip.release"),
        ({"replicas": 2}, "was placed with replicas=1, and is called with replicas=2"),
        ({"signed": False}, "was placed with signed=True, and is called with signed=False"),
        ({"merged": 2}, "was placed with merged=None, and is called with merged=2"),
        ({"recurrent": True}, "was placed with recurrent=False"),
        ({"circuits": (7, 8, 9, 10)}, r"called with circuits=\(7, 8, 9, 10\)"),
    ],
)
def test_a_layer_that_asks_for_something_else_is_refused(more, message):
    chip = hardware()
    had = chip.hold(request("a"), torch.ones(4, 3))
    with pytest.raises(ValueError, match=message):
        chip.hold(request("a", **more), torch.ones(4, 3))
    assert chip.held == (had,)
    chip.release("a")
    assert chip.hold(request("a", **more), torch.ones(4, 3)) is not had


def test_names_are_never_given_twice():
    chip, weight, other = hardware(), torch.ones(4, 3), torch.ones(4, 3)
    chip.hold(request("layer 1"), weight)
    assert chip.hold(request(), other).name == "layer 2"
    with pytest.raises(ValueError, match="calls a layer 'layer 2' that was given no name"):
        chip.hold(request("layer 2"), weight)
    assert sorted(chip.seen) == ["layer 1", "layer 2"]


def test_what_is_not_there_cannot_be_released():
    chip = hardware()
    with pytest.raises(ValueError, match="no layer 'a' is on the chip; there are: none"):
        chip.release("a")
    chip.hold(request("b"), torch.ones(4, 3))
    with pytest.raises(ValueError, match="there are: b"):
        chip.release("a")


def test_effects_are_effects_in_range():
    with pytest.raises(TypeError, match=r"effects must be an Effects, got str; pass Effects.none"):
        Hardware(7, "none", partition=False)
    with pytest.raises(ValueError, match="effect leak must be finite and not negative"):
        Hardware(7, Effects.none()._replace(leak=-1.0), partition=False)


def test_values_are_made_once_for_a_target():
    chip = hardware()
    first = chip.values(Target())
    assert chip.values(Target()) is first
    assert chip.values(Target(tau_mem=9e-6)) is not first
    chip.use(None)
    assert chip.values(Target()) is not first


def test_wiring_is_made_anew_for_another_place_or_working_point():
    chip, made = hardware(), []

    def make():
        made.append(None)
        return len(made)

    held = chip.hold(request("a"), torch.ones(4, 3))
    assert [chip.kept(held, "it", (Target(), UNITS), make) for _ in range(2)] == [1, 1]
    assert chip.kept(held, "it", (Target(tau_mem=9e-6), UNITS), make) == 2
    assert chip.kept(held, "it", (Target(), UNITS._replace(per_unit=20.0)), make) == 3
    chip.release("a")
    again = chip.hold(request("a"), torch.ones(4, 3))
    assert chip.kept(again, "it", (Target(), UNITS._replace(per_unit=20.0)), make) == 4


def test_its_own_trials_start_with_its_seed():
    first, same, other = (Hardware(s, Effects(), partition=False).trials for s in (1, 1, 2))
    draws = [int(torch.randint(2**62, (), generator=one)) for one in (first, same, other)]
    assert draws[0] == draws[1] != draws[2]
