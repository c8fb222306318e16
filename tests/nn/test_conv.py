"""The folded convolution against the edge-by-edge one."""

import pytest
import torch
from torch_geometric.nn import PointNetConv

from leafwood.nn.conv import MaxEdgeConv, neighbour_max, plain_neighbour_max


@pytest.fixture
def graph():
    torch.manual_seed(0)
    n, k = 50, 6
    return torch.randn(n, 8), torch.rand(n, 3), torch.randint(0, n, (n, k))


def test_neighbour_max_is_gather_and_max(graph):
    x, _, table = graph
    torch.testing.assert_close(neighbour_max(x, table), x[table].max(dim=1).values)


def test_neighbour_max_has_the_gradient_of_gather_and_max(graph):
    x, _, table = graph
    weight = torch.randn(len(table), x.shape[1])
    gradients = []
    for largest in (neighbour_max, lambda v, t: v[t].max(dim=1).values):
        leaf = x.clone().requires_grad_()
        (largest(leaf, table) * weight).sum().backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("k", [1, 2, 5, 8, 16])
@pytest.mark.parametrize("index_type", [torch.int32, torch.int64])
def test_the_plain_form_for_a_gpu_gives_the_same_maximum_from_the_same_rows(k, index_type):
    torch.manual_seed(k)
    x, table = torch.randn(200, 24), torch.randint(0, 200, (700, k), dtype=index_type)
    value, row = plain_neighbour_max(x, table)
    torch.testing.assert_close(value, x.gather(0, row), atol=0, rtol=0)
    torch.testing.assert_close(value, neighbour_max(x, table), atol=1e-5, rtol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
def test_on_a_gpu_value_and_gradient_are_those_of_the_processor():
    torch.manual_seed(0)
    # no two values of a column are so near to each other that the two devices could find another winner
    x = torch.rand(3000, 64).argsort(dim=0) / 1000
    table, weight = torch.randint(0, 3000, (9000, 16)), torch.randn(9000, 64)
    values, gradients = [], []
    for device in ("cpu", "cuda"):
        leaf = x.clone().to(device).requires_grad_()
        value = neighbour_max(leaf, table.to(device))
        (value * weight.to(device)).sum().backward()
        values.append(value.detach().cpu())
        gradients.append(leaf.grad.cpu())
    torch.testing.assert_close(*values, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(*gradients, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("k", [1, 2, 5, 8, 16])
def test_many_rows_are_taken_part_by_part(k):
    torch.manual_seed(k)
    x, table = torch.randn(300, 64), torch.randint(0, 300, (5000, k), dtype=torch.int32)
    torch.testing.assert_close(neighbour_max(x, table), x[table].amax(dim=1), atol=1e-5, rtol=1e-5)


def test_it_is_the_convolution_of_torch_geometric(graph):
    x, pos, table = graph
    conv = MaxEdgeConv(8, scale=0.5)
    linear = torch.nn.Linear(11, 8)
    theirs = PointNetConv(local_nn=torch.nn.Sequential(linear, torch.nn.ReLU()), add_self_loops=False)
    with torch.no_grad():
        linear.weight.copy_(torch.cat([conv.node.weight, conv.offset.weight], dim=1))
        linear.bias.copy_(conv.node.bias)
    targets = torch.arange(len(x)).repeat_interleave(table.shape[1])
    edges = torch.stack([table.flatten(), targets])
    torch.testing.assert_close(conv(x, pos, table), theirs(x, pos / 0.5, edges))


def test_folding_equals_the_written_formula(graph):
    x, pos, table = graph
    conv = MaxEdgeConv(8, scale=0.5)
    messages = conv.node(x)[table] + conv.offset((pos[table] - pos[:, None]) / 0.5)
    torch.testing.assert_close(conv(x, pos, table), torch.relu(messages).max(dim=1).values)


def test_convolution_does_not_see_where_the_cloud_is(graph):
    x, pos, table = graph
    conv = MaxEdgeConv(8, scale=0.5)
    torch.testing.assert_close(conv(x, pos, table), conv(x, pos + 3.0, table), atol=1e-4, rtol=1e-4)


def test_forward_mode_carries_the_tangents_of_the_winners(graph):
    x, _, table = graph
    tangent = torch.randn_like(x)
    value, moved = torch.func.jvp(lambda v: neighbour_max(v, table), (x,), (tangent,))
    winner = x[table].max(dim=1)
    torch.testing.assert_close(value, winner.values)
    torch.testing.assert_close(moved, tangent[table].gather(1, winner.indices[:, None]).squeeze(1))


def test_reverse_mode_of_torch_func_agrees_with_autograd(graph):
    x, _, table = graph
    by_func = torch.func.grad(lambda v: neighbour_max(v, table).square().sum())(x)
    leaf = x.clone().requires_grad_()
    neighbour_max(leaf, table).square().sum().backward()
    torch.testing.assert_close(by_func, leaf.grad)
