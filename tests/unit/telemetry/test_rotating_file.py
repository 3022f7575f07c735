import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.telemetry.rotating_file import RotatingFile
from services.telemetry.sinks import LinesLost

INFO = [20]


@contextmanager
def no_file_longer_than(size_bytes: int) -> Iterator[None]:
    """The kernel's own bound on files: writes end in the middle and then fail, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def total_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def test_a_full_file_is_put_aside_and_only_so_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "made" / "module.log"
    sink = RotatingFile(path, largest_bytes=10)
    for number in range(20):
        sink.write(INFO, [b"line %02d\n" % number])
    sink.close()
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "module.log",
        *(f"module.log.{n}" for n in range(1, 6)),
    ]
    assert path.read_text() == "line 19\n"
    assert path.with_name("module.log.5").read_text() == "line 14\n"


def test_a_file_that_is_there_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "module.log"
    path.write_text("before\n")
    sink = RotatingFile(path)
    sink.write(INFO, [b"after\n"])
    sink.close()
    assert path.read_text() == "before\nafter\n"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        RotatingFile(tmp_path / "file" / "module.log")


def test_one_batch_longer_than_a_file_keeps_the_bound(tmp_path: Path) -> None:
    sink = RotatingFile(tmp_path / "module.log", largest_bytes=100, old_files=2)
    lines = [b"line %03d\n" % number for number in range(1000)]
    sink.write([20] * 1000, lines)
    sink.close()
    assert total_bytes(tmp_path) <= 300
    kept = b"".join((tmp_path / name).read_bytes() for name in ("module.log.2", "module.log.1", "module.log"))
    assert kept == b"".join(lines)[-len(kept) :]
    assert len(kept) > 200


def test_a_line_longer_than_a_file_has_one_of_its_own(tmp_path: Path) -> None:
    sink = RotatingFile(tmp_path / "module.log", largest_bytes=10, old_files=3)
    sink.write([20] * 3, [b"a\n", b"x" * 50 + b"\n", b"b\n"])
    sink.close()
    assert [(tmp_path / f"module.log{n}").stat().st_size for n in (".2", ".1", "")] == [2, 51, 2]


def test_a_full_disk_leaves_no_half_of_a_line_and_the_next_lines_are_written(tmp_path: Path) -> None:
    path = tmp_path / "module.log"
    sink = RotatingFile(path)
    sink.write(INFO, [b"before\n"])
    with no_file_longer_than(20), pytest.raises(LinesLost) as lost:
        sink.write([20] * 3, [b"first of three\n", b"second of three\n", b"third of three\n"])
    sink.write(INFO, [b"after\n"])
    sink.close()
    assert lost.value.count == 3
    assert path.read_text() == "before\nafter\n"


def test_a_file_that_was_deleted_is_made_anew_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "module.log"
    sink = RotatingFile(path)
    sink.write(INFO, [b"before\n"])
    path.unlink()
    path.parent.rmdir()
    sink.write(INFO, [b"after\n"])
    sink.close()
    assert path.read_text() == "after\n"


def test_a_file_that_somebody_else_renamed_is_left_to_them(tmp_path: Path) -> None:
    path = tmp_path / "module.log"
    sink = RotatingFile(path)
    sink.write(INFO, [b"before\n"])
    path.rename(tmp_path / "theirs.log")
    sink.write(INFO, [b"after\n"])
    sink.close()
    assert (path.read_text(), (tmp_path / "theirs.log").read_text()) == ("after\n", "before\n")


def test_a_folder_that_cannot_be_written_for_a_while_ends_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    sink = RotatingFile(folder / "module.log")
    (folder / "module.log").unlink()
    folder.rmdir()
    folder.touch()  # a file in the folder's place
    with pytest.raises(OSError, match="logs"):
        sink.write(INFO, [b"lost\n"])
    folder.unlink()
    sink.write(INFO, [b"after\n"])
    sink.close()
    assert (folder / "module.log").read_text() == "after\n"


def test_the_file_is_not_for_everybody(tmp_path: Path) -> None:
    RotatingFile(tmp_path / "module.log").close()
    assert (tmp_path / "module.log").stat().st_mode & 0o007 == 0
