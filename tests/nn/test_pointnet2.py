"""PointNet++: its parts against their plain definitions, and its size."""

import pytest
import torch
from torch_geometric.data import Batch, Data

from leafwood.nn.pointnet2 import PointNet2, ball_query, farthest_points, interpolate


@pytest.fixture
def cloud():
    return torch.rand(2, 60, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return PointNet2().eval()


def sample(seed, n=1500):
    generator = torch.Generator().manual_seed(seed)
    return Data(x=torch.rand(n, 12, generator=generator), pos=torch.rand(n, 3, generator=generator))


def test_parameters_are_as_many_as_in_the_released_network(network):
    assert sum(p.numel() for p in network.parameters()) == 1_016_194


def test_each_next_point_is_the_farthest_from_those_before(cloud):
    chosen = farthest_points(cloud, 12)
    for pos, row in zip(cloud, chosen, strict=True):
        assert row[0] == 0
        for n in range(1, 12):
            gap = torch.cdist(pos, pos[row[:n]]).min(dim=1).values
            assert gap[row[n]] == pytest.approx(gap.max().item(), abs=1e-6)


def test_fewer_farthest_points_are_the_first_of_more(cloud):
    many, few = farthest_points(cloud, 20), farthest_points(cloud, 7)
    assert torch.equal(many[:, :7], few)
    inner = cloud.gather(1, many[..., None].expand(-1, -1, 3))
    assert farthest_points(inner, 7).tolist() == [list(range(7))] * 2


def test_balls_hold_the_first_points_within_reach(cloud):
    centres = cloud[:, :9]
    found = ball_query(cloud, centres, 0.35, 5)
    assert found.shape == (2, 9, 5)
    for pos, middle, rows in zip(cloud, centres, found, strict=True):
        for m, row in zip(middle, rows.tolist(), strict=True):
            inside = torch.nonzero((pos - m).norm(dim=1) <= 0.35)[:, 0].tolist()[:5]
            assert row == inside + [inside[0]] * (5 - len(inside))


def test_a_lone_point_is_in_its_own_ball():
    pos = torch.tensor([[[0.1, 0.1, 0.1], [0.9, 0.9, 0.9]]])
    assert ball_query(pos, pos, 0.1, 3).tolist() == [[[0, 0, 0], [1, 1, 1]]]


def test_interpolation_weighs_by_inverse_squared_distance():
    coarse = torch.tensor([[[0.0, 0, 0], [3, 0, 0], [0, 6, 0], [50, 0, 0]]])
    values = torch.tensor([[[1.0], [2], [4], [1000]]])
    fine = torch.tensor([[[1.0, 0, 0], [3, 0, 0]]])
    weight = torch.tensor([1.0, 1 / 4, 1 / 37])
    found = interpolate(values, coarse, fine)
    assert found[0, 0, 0].item() == pytest.approx(((weight * torch.tensor([1.0, 2, 4])).sum() / weight.sum()).item())
    assert found[0, 1, 0].item() == pytest.approx(2, abs=1e-5)


def test_a_batch_gives_what_its_samples_give(network):
    samples = [sample(1), sample(2)]
    with torch.inference_mode():
        together = network(Batch.from_data_list(samples))
        apart = torch.cat([network(s) for s in samples])
    assert together.shape == (3000, 2)
    torch.testing.assert_close(together, apart, atol=1e-4, rtol=1e-4)


def test_it_standardises_its_input(network):
    one = sample(3)
    other = Data(x=one.x * 5 + 2, pos=one.pos)
    rescaled = PointNet2().eval()
    rescaled.load_state_dict(network.state_dict())
    rescaled.set_statistics(torch.full((12,), 2.0), torch.full((12,), 5.0))
    with torch.inference_mode():
        torch.testing.assert_close(network(one), rescaled(other), atol=1e-3, rtol=1e-3)


def test_every_parameter_learns(network):
    trained = PointNet2()
    trained(Batch.from_data_list([sample(4, 1100), sample(5, 1100)])).square().mean().backward()
    still = {name for name, p in trained.named_parameters() if p.grad is None or not p.grad.any()}
    # batch norm takes the mean off again, so the biases before it cannot matter
    assert all(".lins." in name and name.endswith("bias") for name in still)
