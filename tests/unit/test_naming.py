"""Where in a copy a dataset lies, and what its files are called on either side: the cases that have a story."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from verifier.entry import Listed
from verifier.errors import AbsentError, ScenarioError, UnreachableError, UnsafePathError, UsageError
from verifier.scenario import load
from verifier.scenario.scenario import Copy
from verifier.sources.interface import Failed, Landed, Location, Request, Sink, Source, SourceFacts
from verifier.sources.named import Named
from verifier.sources.naming import Naming, Translation, folder_name, overlap
from verifier.sources.places.b2 import address as b2
from verifier.sources.places.folder import Folder
from verifier.sources.table import folder_at, open_source


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/home/ana/Pictures", b"home/ana/Pictures"), ("ana-mac/", b"ana-mac"), ("/", b""), ("", b""),
        ("C:\\Users\\Ana\\", b"C:/Users/Ana"), ("C:/Users/Ana", b"C:/Users/Ana"), ("c:", b"c:"), ("D:\\", b"D:"),
        ("\\\\nas\\share\\x", b"nas/share/x"), ("back\\slash", b"back\\slash"), ("a/C:\\b", b"a/C:\\b"),
        ("K\u00f6ln \u200b", "K\u00f6ln \u200b".encode()), ("\udcff", b"\xff"),
    ],
)  # fmt: skip
def test_a_folder_as_somebody_wrote_it(written: str, meant: bytes) -> None:
    assert folder_name(written) == meant


@pytest.mark.parametrize("written", ["..", "a/../b", "/a//b", "./a", "a/.", "a\0", "C:\\Users\\..\\x"])
def test_a_folder_that_leads_elsewhere_is_refused(written: str) -> None:
    with pytest.raises(UnsafePathError):
        folder_name(written)


def test_sides_that_overlap_are_told() -> None:
    assert overlap([(b"a", b"x"), (b"ab", b"xy")]) is None
    for pairs in ([(b"a", b"x"), (b"a/b", b"y")], [(b"a", b"x"), (b"b", b"x")], [(b"", b"x"), (b"b", b"y")]):
        found = overlap(pairs)
        assert found is not None
        assert found[0] == 1


def test_below_is_as_far_down_as_all_of_the_dataset_lies() -> None:
    assert Naming(prefix=b"ana", root=b"home/x").below == b"ana/home/x"
    two = Naming(prefix=b"ana", map=((b"C:/Users/Ana", b"a"), (b"C:/Users/Bob", b"b")))
    assert (two.below, two.within.pairs) == (b"ana/C:/Users", ((b"Ana", b"a"), (b"Bob", b"b")))
    apart = Naming(map=((b"C:", b"c"), (b"D:/x", b"d")))
    assert (apart.below, apart.within) == (b"", Translation(pairs=apart.map))
    alone = Naming(map=((b"C:/Users", b"all"),))
    assert (alone.below, alone.within.pairs) == (b"C:/Users", ((b"", b"all"),))


def _copy(at: Path, **naming: object) -> Location:
    return Copy(name="copy", at=str(at), naming=Naming(**naming)).location  # type: ignore[arg-type]


def _put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


class _Sink:
    def __init__(self) -> None:
        self.data = b""

    def create(self, number: int) -> None:
        del number
        self.data = b""

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        del number, offset
        self.data += bytes(data)


def test_a_copy_is_listed_and_asked_under_the_names_of_either_side(tmp_path: Path) -> None:
    _put(tmp_path, "C/Ana/x", "C/Ana/2019/y", "C/Bob/z", "C/else", "C/Anastasia/q", "D/w")
    naming = {"map": ((b"C/Ana", b"ana"), (b"C/Bob", b"people/bob"))}
    with open_source(_copy(tmp_path, **naming)) as source:
        listing = {listed.name: listed for listed in source.list()}
        assert set(listing) == {b"ana/x", b"ana/2019/y", b"people/bob/z"}
        sink = _Sink()
        (landed,) = source.restore([Request(number=0, listed=listing[b"ana/2019/y"])], sink)
        assert not isinstance(landed, Failed)
        assert sink.data == b"C/Ana/2019/y"
        notes = source.facts().notes
    assert any("2 files, 19 bytes" in note for note in notes), notes
    assert any("the dataset lies in C of the copy" in note for note in notes)


def test_what_has_no_name_in_the_copy_is_absent_there(tmp_path: Path) -> None:
    _put(tmp_path, "C/x", "D/x")
    with open_source(_copy(tmp_path, map=((b"C", b"c"), (b"D", b"d")))) as source:
        (answer,) = source.restore([Request(number=7, listed=Listed(name=b"C/x", size_bytes=3))], _Sink())
    assert isinstance(answer, Failed)
    assert isinstance(answer.error, AbsentError)


class _Hostile(Source):
    """A source that lists names which lead elsewhere, as an object store can."""

    def facts(self) -> SourceFacts:
        return SourceFacts(address="x")

    def close(self) -> None:
        pass

    def _list(self) -> Iterator[Listed]:
        for name in (b"C/ok", b"C/../../etc/passwd", b"../C/x", b"C//y", b"C", b"C/"):
            yield Listed(name=name)

    def _restore(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        raise AssertionError(requests, sink)


def test_a_name_that_the_map_would_lead_out_is_unsafe() -> None:
    translation = Translation(pairs=((b"C", b"c"), (b"D", b"d")))
    source = Named(_Hostile(), translation, where=b"", nothing=lambda _: UnreachableError("nothing"))
    kinds = {listed.name: listed.kind for listed in source.list()}
    unsafe = {b"C/../../etc/passwd", b"../C/x", b"C//y", b"C/"}
    assert kinds == {b"c/ok": "file", **dict.fromkeys(unsafe, "unsafe")}


@pytest.mark.parametrize(
    ("naming", "said"),
    [
        ({"root": b"home/eva"}, "in home there is ana, bob"),
        ({"root": b"home/eva/Pictures"}, "in home there is ana, bob"),
        ({"prefix": b"gone"}, "there is "),
        ({"root": b"empty"}, "there is "),
        ({"map": ((b"X", b"a"), (b"Y", b"b"))}, "got none but others: home/ana/x, home/bob/x"),
    ],
)
def test_where_the_root_is_missing_it_is_said_what_lies_there(
    tmp_path: Path, naming: dict[str, object], said: str
) -> None:
    _put(tmp_path, "home/ana/x", "home/bob/x", "more/1\x1b[31m")
    (tmp_path / "empty").mkdir()
    with (
        pytest.raises(UnreachableError, match="expected files in ") as caught,
        open_source(_copy(tmp_path, **naming)) as source,
    ):
        list(source.list())
    assert said in caught.value.message
    assert "\x1b" not in caught.value.message


def test_no_link_leads_to_the_root(tmp_path: Path) -> None:
    _put(tmp_path, "live/x", "copy/y")
    (tmp_path / "copy" / "home").symlink_to(tmp_path / "live")
    with pytest.raises(UnreachableError, match="or a link on the way"):
        open_source(_copy(tmp_path / "copy", root=b"home"))
    # The address itself may be one: it was named by the user.
    (tmp_path / "nas").symlink_to(tmp_path)
    with open_source(_copy(tmp_path / "nas", root=b"live")) as source:
        assert [listed.name for listed in source.list()] == [b"x"]


def test_a_folder_that_lists_only_what_lies_below(tmp_path: Path) -> None:
    _put(tmp_path, "ana/x", "secret/y")
    (tmp_path / "secret").chmod(0)
    with open_source(_copy(tmp_path, prefix=b"ana")) as source:
        assert [listed.name for listed in source.list()] == [b"x"]
        assert source.ordered
    (tmp_path / "secret").chmod(0o700)
    assert folder_at(_copy(tmp_path, prefix=b"ana", root=b"b")) == tmp_path / "ana" / "b"
    with pytest.raises(AbsentError):
        Folder(tmp_path, {}, b"gone")


def test_a_prefix_in_b2_ends_in_a_slash() -> None:
    address = b2.parse("b2://family/nas")
    assert address.below(b"ana").prefix == "nas/ana/"
    assert b2.parse("b2://family").below("K\u00f6ln".encode()).prefix == "K\u00f6ln/"
    assert address.below(b"") == address
    with pytest.raises(UsageError, match="UTF-8"):
        address.below(b"\xff")


_SCENARIO = 'name = "a"\nmanifest = "m"\n{}[[copy]]\nname = "live"\nat = "/x"\nlive = true\n[[copy]]\nname = "nas"\n'


def _naming(tmp_path: Path, top: str, own: str) -> Naming:
    file = tmp_path / "s.toml"
    file.write_text(_SCENARIO.format(top) + 'at = "/mnt/nas"\n' + own, "utf-8")
    live, nas = load(file).copies
    assert live.naming == Naming()
    return nas.naming


def test_a_copy_has_the_names_at_the_top_unless_it_states_its_own(tmp_path: Path) -> None:
    top = 'prefix = "ana-mac/"\nroot = "/home/ana"\n'
    assert _naming(tmp_path, top, "") == Naming(prefix=b"ana-mac", root=b"home/ana")
    assert _naming(tmp_path, top, 'root = "/"\n') == Naming(prefix=b"ana-mac")
    assert _naming(tmp_path, top, 'prefix = ""\n') == Naming(root=b"home/ana")
    mapped = _naming(tmp_path, top, "map = [['C:\\Users\\Ana\\', 'ana/']]\n")
    assert mapped == Naming(prefix=b"ana-mac", map=((b"C:/Users/Ana", b"ana"),))
    assert _naming(tmp_path, 'map = [["a", "b"]]\n', 'root = "c"\n') == Naming(root=b"c")


@pytest.mark.parametrize(
    ("top", "own", "line", "problem"),
    [
        ('root = "/a"\nmap = [["a", "b"]]\n', "", 4, "map: expected one of root and map, got both"),
        ("", 'map = [\n  ["a", "b"],\n  ["a/c", "d"],\n]\n', 12, "copy[2].map[2]: expected folders apart"),
    ],
)
def test_mistakes_are_told_with_their_lines(tmp_path: Path, top: str, own: str, line: int, problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        _naming(tmp_path, top, own)
    assert f"s.toml:{line}: {problem}" in caught.value.message


def test_one_address_holds_two_copies_in_folders_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    two = '[[copy]]\nname = "{}"\nat = "/nas"\nprefix = "{}"\n'
    head = 'name = "a"\nmanifest = "m"\n'
    file.write_text(head + two.format("one", "x/") + two.format("two", "y/"), "utf-8")
    assert [os.fspath(folder_at(copy.location) or "") for copy in load(file).copies] == ["/nas/x", "/nas/y"]
    file.write_text(head + two.format("one", "x/") + two.format("two", "x"), "utf-8")
    with pytest.raises(ScenarioError, match="expected a copy's own at"):
        load(file)
