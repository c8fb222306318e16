"""Panics become errors, and nothing else is swallowed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import lazrs
import pytest

from leafwood.errors import BadFile
from leafwood.io.las.decoder_guard import decoding

PATH = Path("some.laz")


def panic() -> None:
    """A point-wise stream without chunk table, which lazrs answers with a panic."""
    body = bytearray(lazrs.LazVlr.new_for_compression(0, 0).record_data())
    body[0], body[12:16] = 1, bytes(4)
    import io

    lazrs.LasZipDecompressor(io.BytesIO(bytes(100)), bytes(body)).decompress_many(bytearray(20))


def test_panic_is_one_quiet_error(capfd):
    with pytest.raises(BadFile, match=r"some\.laz: its compressed points are damaged"), decoding(PATH):
        panic()
    assert capfd.readouterr().err == ""


def test_words_of_others_are_not_lost(capfd):
    with decoding(PATH):
        os.write(2, b"a native library's note\n")
    assert "a native library's note" in capfd.readouterr().err


def test_threads_share_it(capfd):
    inside = threading.Barrier(3)

    def work(fail: bool) -> None:
        try:
            with decoding(PATH):
                inside.wait(10)
                if fail:
                    panic()
        except BadFile:
            failures.append(1)

    failures: list[int] = []
    threads = [threading.Thread(target=work, args=(number == 0,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"afterwards\n")
    assert failures == [1]
    assert capfd.readouterr().err == "afterwards\n"


@pytest.mark.parametrize("failure", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_interrupts_pass(failure):
    with pytest.raises(failure), decoding(PATH):
        raise failure


def test_process_without_stderr():
    code = (
        "import os; os.close(2)\nfrom leafwood.io.las.decoder_guard import decoding\nwith decoding('x'): print('done')"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "done\n"
