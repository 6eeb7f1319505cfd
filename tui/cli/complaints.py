"""What is wrong in the config file: also what other rooms know, such as which columns there are."""

from collections.abc import Iterator, Mapping

from tui.settings import Complaint, Settings
from tui.settings.config_file import shown_path
from tui.settings.reading import places_of


def complaints_of(settings: Settings, environ: Mapping[str, str]) -> Iterator[Complaint]:
    """Yield everything that is wrong in the file of these settings."""
    file = settings.file
    yield from file.complaints
    if file.path is None or file.values is None:
        return
    shown = shown_path(file.path, environ)
    if settings.columns:
        from tui.present.own_columns.of_settings import columns_of_file

        yield from columns_of_file(settings.columns, shown, file)[1]
    if settings.views:
        from tui.store.addresses.view_address import read_address

        for place, view in zip(places_of(file, "views"), settings.views, strict=True):
            for problem in read_address(view.address).problems:
                yield Complaint(shown, f"{place}.address", problem)
