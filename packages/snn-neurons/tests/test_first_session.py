"""What a newcomer types first, with snn-core and snn-neurons and nothing else."""

import snn_core as snn
import torch


def test_first_session():
    torch.manual_seed(0)
    z = snn.threshold(torch.randn(8, requires_grad=True), "super_spike", 100.0)
    th = snn.threshold("super_spike", alpha=50.0)
    assert th(torch.tensor([0.1, -0.1])).tolist() == [1.0, 0.0]
    assert z.requires_grad
    lif = snn.neuron("lif")
    x = (torch.rand(100, 32, 700) < 0.03).float()
    w = torch.nn.Parameter(0.3 * torch.randn(256, 700))
    params = lif.Params(tau_mem=10e-3, tau_syn=5e-3)
    out = snn.integrate("lif", x, weight=w, params=params, dt=1e-3, record=("v", "i"))
    assert out.output.shape == (100, 32, 256)
    assert out.traces.v.shape == out.traces.i.shape == (100, 32, 256)
    assert 0.001 < out.output.mean() < 0.5
    out.output.sum().backward()
    assert w.grad.abs().sum() > 0
    out = snn.integrate("lif", x, weight=w, dt=1e-3, state=out.state)
    assert out.output.shape == (100, 32, 256)
