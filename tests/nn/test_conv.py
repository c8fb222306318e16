"""The folded convolution against the edge-by-edge one."""

import pytest
import torch

from leafwood.nn.conv import MaxEdgeConv, neighbour_max


@pytest.fixture
def graph():
    torch.manual_seed(0)
    n, k = 50, 6
    return torch.randn(n, 8), torch.rand(n, 3), torch.randint(0, n, (n, k))


def test_neighbour_max_is_gather_and_max(graph):
    x, _, table = graph
    torch.testing.assert_close(neighbour_max(x, table), x[table].max(dim=1).values)


def test_neighbour_max_has_the_right_gradient(graph):
    x, _, table = graph
    torch.autograd.gradcheck(lambda v: neighbour_max(v, table), x.double().requires_grad_())


def test_table_and_edge_index_give_the_same(graph):
    x, pos, table = graph
    conv = MaxEdgeConv(8, scale=0.5)
    targets = torch.arange(len(x)).repeat_interleave(table.shape[1])
    edges = torch.stack([table.flatten(), targets])
    torch.testing.assert_close(conv(x, pos, table), conv(x, pos, edges))


def test_folding_equals_the_written_formula(graph):
    x, pos, table = graph
    conv = MaxEdgeConv(8, scale=0.5)
    messages = conv.node(x)[table] + conv.offset((pos[table] - pos[:, None]) / 0.5)
    torch.testing.assert_close(conv(x, pos, table), torch.relu(messages).max(dim=1).values)


def test_convolution_does_not_see_where_the_cloud_is(graph):
    x, pos, table = graph
    conv = MaxEdgeConv(8, scale=0.5)
    torch.testing.assert_close(conv(x, pos, table), conv(x, pos + 3.0, table), atol=1e-4, rtol=1e-4)


def test_its_name_says_its_parameters():
    assert str(MaxEdgeConv(8, scale=0.5)) == "MaxEdgeConv(8, scale=0.5)"
