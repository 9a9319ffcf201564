"""What cannot become a kernel: it is named, and auto runs it eagerly with one warning."""

import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY

X = torch.rand(3, 2, 4, generator=torch.Generator().manual_seed(0))


def stranger(change):
    """TOY with its input changed first."""

    def step(x, state, params, threshold, dt):
        return TOY.step(change(x), state, params, threshold, dt)

    return TOY._replace(name="stranger", step=step)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda x: x.cumsum(-1), "aten.cumsum.default, which is not pointwise"),
        (lambda x: x - x.mean(dim=-1, keepdim=True), r"aten.mean.dim"),
        (lambda x: x.softmax(-1), "aten._softmax.default"),
        (lambda x: x + torch.rand_like(x), "which draws random numbers"),
        (lambda x: x.flip(-1), "aten.flip.default"),
        (lambda x: torch.add(x, x, alpha=2), "aten.add.Tensor, with alpha=2"),
        (lambda x: torch.div(x, 2.0, rounding_mode="floor"), "rounding_mode=floor"),
        (lambda x: (x * 3).long().to(x.dtype), "which gives torch.int64"),
        (lambda x: x.amax(dim=0, keepdim=True).expand(x.shape), "aten.amax.default"),
        (lambda x: x * 2 if x.max() > 1 else x, "reads the value of a tensor"),
        (lambda x: x + torch.arange(x.shape[-1]).to(x.dtype), "aten.arange"),
        (lambda x: x / x.shape[-1], "aten.div.Tensor, which goes by the size of the layer"),
        (lambda x: x * len(x), "which goes by the size of the layer"),
        (lambda x: x * 2 if x.shape[0] > 4 else x, "other operations in a layer of another size"),
        (lambda x: x.to(torch.bfloat16).to(x.dtype), "which gives torch.bfloat16 in a layer"),
        (lambda x: x.double().sqrt().float(), "which gives torch.float64 in a layer"),
    ],
)
def test_an_operation_that_mixes_lanes_is_named(change, named):
    neuron = stranger(change)
    with pytest.raises(snn.Unsupported, match=named):
        snn.integrate(neuron, X, dt=1e-3, backend="numba")
    with pytest.warns(snn.BackendWarning, match=named) as caught:
        out = snn.integrate(neuron, X, dt=1e-3)
    assert len(caught) == 1
    if "random" not in named:
        assert torch.equal(out.output, snn.integrate(neuron, X, dt=1e-3, backend="eager").output)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    with pytest.raises(snn.Unsupported, match=f"float32 and torch.float64, the layer is {dtype}"):
        snn.integrate("lif", X.to(dtype), dt=1e-3, backend="numba")


def test_another_device():
    with pytest.raises(snn.Unsupported, match="runs on cpu devices, the layer is on meta"):
        snn.integrate("lif", X.to("meta"), dt=1e-3, backend="numba")
    # that a backend of another device is not asked is no news
    assert snn.integrate("lif", X.to("meta"), dt=1e-3).output.is_meta


def test_no_grid():
    with pytest.raises(snn.Unsupported, match="pass dt=1e-3"):
        snn.integrate("lif", X, backend="numba")


def test_transforms_of_functions_run_eagerly():
    def total(x):
        return snn.integrate("lif", x, dt=1e-3).output.sum()

    with pytest.warns(snn.BackendWarning, match="torch.func"):
        grad = torch.func.grad(total)(X)
    leaf = X.clone().requires_grad_()
    total(leaf).backward()
    torch.testing.assert_close(grad, leaf.grad)


def test_a_constant_of_the_step_itself():
    """A number held as a tensor is a constant; one that has a value for each neuron is not."""
    gain = torch.tensor(2.0)
    out = [
        snn.integrate(stranger(lambda x: x * gain), X, dt=1e-3, backend=backend).output
        for backend in ("numba", "eager")
    ]
    assert torch.equal(*out)
    gains = torch.rand(4)
    with pytest.raises(snn.Unsupported, match="as a parameter"):
        snn.integrate(stranger(lambda x: x * gains), X, dt=1e-3, backend="numba")


def test_a_second_backward_says_that_there_is_none():
    leaf = X.clone().requires_grad_()
    out = snn.integrate("li", leaf, dt=1e-3, backend="numba").output
    (grad,) = torch.autograd.grad(out.square().sum(), leaf, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        grad.sum().backward()


def test_what_happens_to_parameters_alone_is_looked_at_too():
    """Random numbers, numbers that follow from a shape, an own tensor that wants a gradient."""

    def draws(x, state, params, threshold, dt):
        return TOY.step(x + torch.rand_like(params.v_th), state, params, threshold, dt)

    def centres(x, state, params, threshold, dt):
        moved = params._replace(v_th=params.v_th - params.v_th.mean())
        return TOY.step(x, state, moved, threshold, dt)

    params = TOY.Params(v_th=torch.rand(4, requires_grad=True))
    for step, named in ((draws, "random numbers"), (centres, "goes by the size")):
        neuron = TOY._replace(name="stranger", step=step)
        with pytest.raises(snn.Unsupported, match=named):
            snn.integrate(neuron, X, params=params, dt=1e-3, backend="numba")
    gain = torch.tensor(2.0, requires_grad=True)
    with pytest.raises(snn.Unsupported, match="wants a gradient; pass it as a parameter"):
        snn.integrate(stranger(lambda x: x * gain), X, dt=1e-3, backend="numba")


def test_what_fails_for_once_is_tried_again():
    broken = [True]

    def change(x):
        if broken[0]:
            raise OSError("not now")
        return x

    neuron = stranger(change)
    with pytest.raises(snn.Unsupported, match="OSError: not now"):
        snn.integrate(neuron, X, dt=1e-3, backend="numba")
    broken[0] = False
    assert snn.integrate(neuron, X, dt=1e-3, backend="numba").output.shape == X.shape


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, at its first use
def test_forward_mode_runs_eagerly():
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(X, torch.ones_like(X))
        with pytest.warns(snn.BackendWarning, match="forward-mode"):
            out = snn.integrate("li", dual, dt=1e-3).output
        assert torch.autograd.forward_ad.unpack_dual(out).tangent is not None
