"""The writers of archives, restored images and sets: each file is complete, of either version."""

from pathlib import Path

from tests.fake_codec import FakeCodec
from tests.faults.writers import Writer, each_file_complete


def archive_writers(material: Path) -> list[Writer]:
    """Return the writers; the codec is a fake, as a model takes longer than all files."""
    from aecli.data import load, resolve
    from aecli.data.own_size import own_size_images
    from aecli.workflows.archive_options import ArchiveOptions
    from aecli.workflows.archive_reading import find_files, restore_archive, restored_paths
    from aecli.workflows.archive_writing import archive_paths, write_archive
    from aecli.workflows.compressed_sets import write_set

    codec = FakeCodec(size=(8, 8))
    folders = [str(material / f"images{version}") for version in (0, 1)]
    images = [own_size_images(resolve(folder), 1) for folder in folders]
    sets = [load(folder) for folder in folders]
    replace = ArchiveOptions(overwrite=True)
    for version in (0, 1):
        folder = material / f"archive{version}"
        write_archive(codec, images[version], archive_paths(images[version], folder), replace)
    archives = [find_files([material / f"archive{version}"]) for version in (0, 1)]

    def write_archive_folder(place: Path, version: int) -> None:
        write_archive(codec, images[version], archive_paths(images[version], place), replace)

    def write_restored(place: Path, version: int) -> None:
        restore_archive(codec, archives[version], restored_paths(archives[version], place))

    def write_stream(place: Path, version: int) -> None:
        write_set(codec, sets[version], place / "set.npz", replace)

    return [
        Writer("archive folder", write_archive_folder, each_file_complete),
        Writer("restored folder", write_restored, each_file_complete),
        Writer("image set", write_stream),
    ]
