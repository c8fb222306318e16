"""What pyproject.toml cannot say: the kernels in C++, and what lies beside the package and inside it in a wheel."""

from pathlib import Path
from shutil import copytree

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.errors import CompileError

KERNELS = Path("leafwood/kernels")
# Contraction off: where a product and a sum become one instruction is said in the source, so that the distances of all
# processors are the same. Without traps and errno, which nobody reads, comparisons and roots can be vectorised.
GNU = (
    "-std=c++17 -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math -fno-strict-aliasing -fvisibility=hidden "
    "-Wno-psabi -pthread"
)
MICROSOFT = "/std:c++17 /O2 /EHsc /fp:precise"


class BuildKernels(build_ext):
    """Compiles the kernels with nanobind, which has no helper for setuptools."""

    def build_extension(self, ext: Extension) -> None:
        """Compile; as the extension is optional, what fails here is said and leaves NumPy to do the work."""
        try:
            import nanobind
        except ImportError as error:
            raise CompileError("nanobind is not installed") from error
        home = Path(nanobind.include_dir()).parent
        ext.include_dirs = [str(home / "include"), str(home / "ext/robin_map/include")]
        ext.sources = [*ext.sources, str(home / "src/nb_combined.cpp")]
        microsoft = self.compiler.compiler_type == "msvc"
        ext.extra_compile_args = (MICROSOFT if microsoft else GNU).split()
        ext.extra_link_args = [] if microsoft else ["-pthread"]
        ext.define_macros = [("NDEBUG", None), ("NB_COMPACT_ASSERTIONS", None)]
        super().build_extension(ext)


class BuildWithData(build_py):
    """Copies `configs` and `data_samples` into the package that is built, where `leafwood.shipped` finds them."""

    def run(self) -> None:
        """Build the package; an editable install reads the folders where they are."""
        super().run()
        if not self.editable_mode:
            for name in ("configs", "data_samples"):
                copytree(name, Path(self.build_lib, "leafwood", name), dirs_exist_ok=True)


kernels = Extension(
    "leafwood.kernels._compiled",
    sources=[path.as_posix() for path in sorted(KERNELS.glob("*.cpp"))],
    depends=[path.as_posix() for path in sorted(KERNELS.glob("*.hpp"))],
    language="c++",
    optional=True,
)
setup(ext_modules=[kernels], cmdclass={"build_ext": BuildKernels, "build_py": BuildWithData})
