"""What pyproject.toml cannot say: configs and samples lie beside the package, and inside it in a wheel."""

from pathlib import Path
from shutil import copytree

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithData(build_py):
    """Copies `configs` and `data_samples` into the package that is built, where `leafwood.shipped` finds them."""

    def run(self) -> None:
        """Build the package; an editable install reads the folders where they are."""
        super().run()
        if not self.editable_mode:
            for name in ("configs", "data_samples"):
                copytree(name, Path(self.build_lib, "leafwood", name), dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithData})
