"""Puts a program that is built already into the wheel: SQUALL_PROGRAM, or else the release build of this checkout.

The package's own code is pure, and the program needs no Python. So one wheel for a platform serves every Python 3.
"""

import os
import re
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

CHECKOUT = Path(__file__).resolve().parent.parent


def version():
    """The version of the Rust package."""
    manifest = (CHECKOUT / "Cargo.toml").read_text(encoding="utf-8")
    return re.search(r'^version = "(.+)"$', manifest, re.MULTILINE).group(1)


def program():
    """The file to put into the wheel."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target"))
    found = Path(os.environ.get("SQUALL_PROGRAM", target / "release" / "squall"))
    if not found.is_file():
        raise SystemExit(f"{found} is missing: `cargo build --release` makes it, or set SQUALL_PROGRAM to a program")
    return found


class WithProgram(build_py):
    """Copies the program beside the package's modules."""

    def run(self):
        super().run()
        folder = Path(self.build_lib) / "squall" / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(program(), folder / "squall")
        (folder / "squall").chmod(0o755)


class ForPlatform(bdist_wheel):
    """Names the wheel after the platform, and no version of Python."""

    def finalize_options(self):
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self):
        return ("py3", "none", super().get_tag()[2])


setup(version=version(), cmdclass={"build_py": WithProgram, "bdist_wheel": ForPlatform})
