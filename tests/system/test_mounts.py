"""The places where disks are mounted."""

from pathlib import Path

from cxr_edge.system.mounts import file_system, mount_points

INFO = b"""\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
35 21 0:30 / /data rw - nfs4 nas:/films rw,vers=4.2
36 35 8:17 / /data/usb\\040stick rw shared:9 master:2 - vfat /dev/sdb1 rw
37 21 0:31 / /auto rw - autofs systemd-1 rw,fd=41
38 37 0:32 / /auto rw - nfs4 nas:/auto rw
"""


def test_mount_points_are_read(tmp_path: Path) -> None:
    """A name with a space is whole, and what an automounter looks after is left out."""
    info = tmp_path / "mountinfo"
    info.write_bytes(INFO)
    assert mount_points(info) == [b"/", b"/data", b"/data/usb stick"]


def test_a_system_that_lists_no_mounts_has_none(tmp_path: Path) -> None:
    """Where the list is missing, nothing is known and nothing fails."""
    assert mount_points(tmp_path / "none") == []


def test_the_file_system_of_a_path_is_known(tmp_path: Path) -> None:
    """It is the one that was mounted deepest, and last where one lies over another."""
    info = tmp_path / "mountinfo"
    info.write_bytes(INFO + b"39 35 0:33 / /data rw - cifs //nas/films rw\n")
    found = {
        path: file_system(path, info)
        for path in ("/", "/home/film.png", "/database", "/data", "/data/usb stick/a", "/auto/b")
    }
    assert found == {
        "/": "ext4", "/home/film.png": "ext4", "/database": "ext4", "/data": "cifs",
        "/data/usb stick/a": "vfat", "/auto/b": "nfs4",
    }  # fmt: skip
    assert file_system("/", tmp_path / "none") == ""
