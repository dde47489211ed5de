"""The control groups of this process."""

from pathlib import Path

from cxr_edge.system.cgroups import Cgroup, own_cgroups


def test_a_group_and_all_above_it_are_found(tmp_path: Path) -> None:
    """Version 2 has one tree for all controllers, version 1 one for each."""
    membership = tmp_path / "membership"
    membership.write_text("4:memory:/a/b\n3:cpu,cpuacct:/c\n0::/d/e\n")
    mount = tmp_path / "cgroup"
    assert list(own_cgroups("memory", membership, mount)) == [
        Cgroup(mount / "memory/a/b", 1), Cgroup(mount / "memory/a", 1), Cgroup(mount / "memory", 1),
        Cgroup(mount / "d/e", 2), Cgroup(mount / "d", 2), Cgroup(mount, 2),
    ]  # fmt: skip
    found = list(own_cgroups("cpu", membership, mount))
    assert Cgroup(mount / "cpu/c", 1) in found
    assert not any("memory" in group.folder.parts for group in found)


def test_a_system_without_control_groups_has_none(tmp_path: Path) -> None:
    """No file of memberships is no error."""
    assert list(own_cgroups("cpu", tmp_path / "none", tmp_path)) == []


def test_files_of_a_group_are_read_as_far_as_they_are_there(tmp_path: Path) -> None:
    """A number, ``max`` for none, and nothing where the file is missing."""
    (tmp_path / "memory.max").write_text("4096\n")
    (tmp_path / "memory.high").write_text("max\n")
    group = Cgroup(tmp_path, 2)
    assert group.number("memory.max") == 4096
    assert group.number("memory.high") is None
    assert (group.read("cpu.max"), group.number("cpu.max")) == ("", None)
