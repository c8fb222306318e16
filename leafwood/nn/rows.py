"""Work through the rows of a level part by part."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

__all__ = ["by_rows"]

_ROWS = 8192  # a megabyte for each operation
_FEW = 1024


def by_rows(step: Callable[[slice], Tensor], n: int) -> Tensor:
    """What `step` gives for n rows.

    Without gradients it is asked for a part of the rows at a time, by as many threads as torch may use, each of which
    computes alone. What its operations pass on to one another then stays in the processor's cache; large blocks of
    memory, whose first touch costs more than the arithmetic, are not asked for again and again; and threads do not wait
    for one another at every operation, which on a busy machine is most of the time. With gradients it is asked for all
    rows at once, for each slice would add to them.

    Args:
        step: from rows to their results (rows, c); called from several threads.
        n: number of rows, n >= 1.

    Returns:
        (n, c).
    """
    if torch.is_grad_enabled() or n <= _FEW:
        return step(slice(0, n))
    like = step(slice(0, 1))
    out = like.new_empty(n, like.shape[1])
    rows = min(_ROWS, -(-n // 8))

    def fill(start: int) -> None:
        with torch.inference_mode():  # a thread's own setting
            out[start : start + rows] = step(slice(start, start + rows))

    with ThreadPoolExecutor(torch.get_num_threads(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for _ in pool.map(fill, range(0, n, rows)):
            pass
    return out
