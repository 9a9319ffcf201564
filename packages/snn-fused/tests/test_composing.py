"""Backend numba inside what users build around it: torch.compile, checkpoint, threads, DDP."""

import copy
import gc
import threading
import warnings

import pytest
import snn_core as snn
import torch
from snn_core.integration import pose
from snn_core.testing.compiling import whole_graph
from snn_fused.function import flat
from snn_fused.operators import layer, layer_backward
from snn_fused.plan import key_of, plan_of
from snn_fused.posing import inputs_of, kind_of
from torch.utils.checkpoint import checkpoint


def spikes(*shape, rate=0.3):
    draw = torch.Generator().manual_seed(0)
    return (torch.rand(shape, generator=draw) < rate).float()


def make(neuron="lif", recurrent=False, backend="numba"):
    torch.manual_seed(0)
    learn = ("tau_mem",) if neuron == "lif" else ()
    made = snn.Layer(
        6, 5, neuron, dt=1e-3, recurrent=recurrent, learn=learn, record=("v",), backend=backend
    )
    with torch.no_grad():
        made.weight.mul_(4)
    return made


def loss_of(layer, x):
    out = layer(x)
    end = out.state.neuron if isinstance(out.state, snn.RecurrentState) else out.state
    return out.output.square().sum() + out.traces.v.square().sum() + end.i.sum()


def grads_of(layer, loss):
    layer.zero_grad()
    value = loss()
    value.backward()
    return [value.detach(), *(p.grad.clone() for p in layer.parameters())]


def assert_equal(given, expected):
    for one, other in zip(given, expected, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("neuron", ["lif", "adex_refractory"])
def test_torch_compile_takes_it_in_one_graph(neuron, recurrent):
    layer, x = make(neuron, recurrent), spikes(7, 3, 6)
    expected = grads_of(layer, lambda: loss_of(layer, x))
    with whole_graph(loss_of) as compiled:
        assert_equal(grads_of(layer, lambda: compiled(layer, x)), expected)


def test_torch_compile_with_an_input_that_wants_a_gradient_and_without_any():
    layer, x = make(), spikes(7, 3, 6).requires_grad_()
    loss_of(layer, x).backward()
    expected, x.grad = x.grad, None
    with whole_graph(loss_of) as compiled:
        compiled(layer, x).backward()
        assert torch.equal(x.grad, expected)
        with torch.no_grad():
            assert torch.equal(compiled(layer, x), loss_of(layer, x))


def operands(recurrent):
    """Arguments of the operators for a small layer."""
    made, x = make(recurrent=recurrent), spikes(5, 2, 6).requires_grad_()
    problem = pose(
        made.neuron,
        x,
        params=made.params,
        state=None,
        dt=1e-3,
        weight=made.weight,
        recurrent_weight=made.recurrent_weight,
        threshold=made.threshold,
        record=("v",),
        observed=None,
    )
    key, inputs = key_of(plan_of(kind_of(problem))), inputs_of(problem)
    tensors = [None if t is None else t.detach().requires_grad_() for t in flat(inputs)]
    return key, 5, *tensors[:4], tensors[4:], [], []


@pytest.mark.parametrize("recurrent", [False, True])
def test_the_operators_keep_the_rules(recurrent):
    arguments = operands(recurrent)
    torch.library.opcheck(layer, arguments)
    output, *rest, checkpoints = layer(*arguments)
    kept = [output.detach(), checkpoints] if recurrent else [checkpoints]
    grads = [torch.ones(one.shape) for one in (output, *rest)]
    kept = [one.detach() for one in kept]
    # it has no derivative of its own
    *named, rest, _, _ = arguments[2:]
    plain = [None if t is None else t.detach() for t in named], [t.detach() for t in rest]
    given = (*arguments[:2], *plain[0], plain[1], [], [])
    torch.library.opcheck(layer_backward, (*given, kept, grads))


def test_under_checkpoint():
    layer, x = make(recurrent=True), spikes(7, 3, 6)
    expected = grads_of(layer, lambda: loss_of(layer, x))
    again = grads_of(layer, lambda: checkpoint(loss_of, layer, x, use_reentrant=False))
    assert_equal(again, expected)


def test_several_threads_at_once():
    """Each thread its own layer and size, all of them compiling and running side by side."""
    jobs = [(make(recurrent=k % 2 == 1), spikes(20 + k, 3 + k, 6)) for k in range(6)]
    expected = [grads_of(made, lambda made=made, x=x: loss_of(made, x)) for made, x in jobs]
    found = [None] * len(jobs)

    def work(k):
        made, x = copy.deepcopy(jobs[k][0]), jobs[k][1]
        for _ in range(20):
            found[k] = grads_of(made, lambda: loss_of(made, x))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for given, wanted in zip(found, expected, strict=True):
        assert_equal(given, wanted)


@pytest.mark.parametrize("x", ["dense", "bool"])
def test_autocast_as_eager(x):
    made, given = make(), spikes(7, 3, 6)
    given = given.bool() if x == "bool" else given
    eager = make(backend="eager")
    with torch.autocast("cpu", torch.bfloat16):
        results = [grads_of(one, lambda one=one: loss_of(one, given)) for one in (made, eager)]
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_autocast_of_a_recurrent_layer_is_refused_with_the_reason():
    made = make(recurrent=True)
    with (
        torch.autocast("cpu", torch.bfloat16),
        pytest.raises(snn.Unsupported, match="autocast would compute the feedback"),
    ):
        made(spikes(7, 3, 6))


def test_distributed_data_parallel(tmp_path):
    """One process is enough for its hooks and buckets to be there."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1
    )
    try:
        made, x = make(recurrent=True), spikes(7, 3, 6)
        expected = grads_of(made, lambda: loss_of(made, x))
        parallel = torch.nn.parallel.DistributedDataParallel(made)
        given = grads_of(made, lambda: loss_of(parallel, x))
    finally:
        # Were the module the last to hold the group, it would wait for the group's thread with
        # Python's lock in its hand, and the thread at times for the lock.
        parallel = None
        gc.collect()
        torch.distributed.destroy_process_group()
    assert_equal(given, expected)


def test_what_is_kept_for_the_backward_is_what_the_caller_has_already():
    """Of all state variables over time nothing is kept: 1,000 steps, less than one row in ten."""
    x = spikes(1000, 4, 300).requires_grad_()
    kept = []

    def pack(tensor):
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = snn.integrate("adex", x, dt=1e-3, backend="numba")
    own = {x.data_ptr(), out.output.data_ptr()}
    extra = sum(t.numel() for t in kept if t.data_ptr() not in own)
    assert extra < 0.1 * out.output.numel()


def test_a_weight_keeps_no_projection():
    made, x = make(), spikes(1000, 4, 6)
    kept = []

    def pack(tensor):
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = made(x, record=())
    extra = sum(t.numel() for t in kept if t.data_ptr() != x.data_ptr())
    assert extra < 0.1 * out.output.numel()


def test_no_gradient_to_an_input_that_wants_none(monkeypatch):
    made, x = make(), spikes(7, 3, 6, rate=0.1)

    def refuse(*args, **kwargs):
        raise AssertionError("the input's gradient is computed for nobody")

    monkeypatch.setattr("snn_fused.cpu.drive.torch.mm", refuse)
    loss_of(made, x).backward()
    with pytest.raises(AssertionError, match="for nobody"):
        loss_of(made, x.clone().requires_grad_()).backward()


def test_state_and_traces_alone_may_carry_the_loss():
    results = []
    for backend in ("numba", "eager"):
        made, x = make(backend=backend), spikes(9, 2, 6)
        out = made(x)
        (out.state.v.sum() + out.traces.v[3].sum()).backward()
        results.append([p.grad for p in made.parameters()])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_chunks_of_a_sequence_join():
    made, x = make(recurrent=True), spikes(20, 3, 6)
    whole = made(x)
    first = made(x[:9])
    second = made(x[9:], first.state)
    assert torch.equal(torch.cat([first.output, second.output]), whole.output)
    assert torch.equal(second.state.neuron.v, whole.state.neuron.v)


def test_no_warning_on_the_way():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss_of(make(backend="auto"), spikes(7, 3, 6)).backward()
    assert "numba" in repr(make(backend="auto"))


def test_sparse_input_is_kept_as_its_spikes():
    made = snn.Layer(300, 5, "lif", dt=1e-3, backend="numba")
    x, sizes = spikes(200, 4, 300, rate=0.02), []

    def pack(tensor):
        sizes.append(tensor.numel() * tensor.element_size())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = made(x)
    assert sum(sizes) < 0.1 * x.numel() * x.element_size()
    out.output.sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        out.output.sum().backward()


def test_under_a_default_device():
    """Layers on the CPU stay there."""
    x, weight = spikes(7, 3, 6), torch.rand(5, 6, requires_grad=True)

    def run():
        out = snn.integrate("exp_lif", x, weight=weight, dt=1e-3, backend="numba", state=start)
        return out.output, *torch.autograd.grad(out.output.sum(), weight)

    start = snn.neuron("exp_lif").State(torch.zeros(3, 5), torch.zeros(3, 5))
    expected = run()
    with torch.device("meta"):
        assert_equal(run(), expected)


def test_first_met_under_fake_tensors_and_then_in_earnest():
    """What a tracer of torch's leaves behind must not be what real calls find."""
    neuron = snn.neuron("lif")._replace(name="first_met_under_fake_tensors")
    with torch._subclasses.FakeTensorMode():
        fake = snn.integrate(neuron, torch.rand(4, 2, 3), dt=1e-3, backend="numba").output
    assert fake.shape == (4, 2, 3)
    x = spikes(4, 2, 3) * 200
    given = snn.integrate(neuron, x, dt=1e-3, backend="numba").output
    assert torch.equal(given, snn.integrate(neuron, x, dt=1e-3, backend="eager").output)


@pytest.mark.parametrize("shape", [(5, 2, 3), (50, 40, 100)], ids=["small", "large"])
def test_outputs_may_be_changed_in_place(shape):
    x = spikes(*shape).requires_grad_()
    out = snn.integrate("li", x, dt=1e-3, backend="numba").output
    out.mul_(0.5)
    out.sum().backward()
    expected = torch.autograd.grad(
        snn.integrate("li", x, dt=1e-3, backend="eager").output.sum(), x
    )[0]
    torch.testing.assert_close(x.grad, expected / 2)


def test_a_graph_from_another_process_says_so():
    with pytest.raises(LookupError, match="traced in another process; run the layer once"):
        torch.ops.snn_fused.layer("0" * 64, 1, None, None, None, None, [], [], [])
