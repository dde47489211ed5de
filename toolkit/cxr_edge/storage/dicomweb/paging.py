"""All results of a search, page by page, of servers that are not all good at paging."""

import errno
from collections.abc import Callable, Sequence
from typing import Final

from cxr_edge.storage.base import Entry, Kind

PAGE: Final = 200
"""Results that are asked for at once; some servers refuse more."""


def all_results(ask: Callable[[int, int], Sequence[Entry]]) -> dict[str, Kind]:
    """Return all results of a search, each once.

    A server may give fewer results than it is asked for, or all at once. One that heeds no offset,
    or takes it off the limit as Orthanc 1.10 does for ``ModalitiesInStudy``, would seem to have
    nothing behind a full page: it is asked for its last result again, and if that is another, for
    more and more from the first on.

    Parameters
    ----------
    ask
        Function that asks for results; gets their greatest number and how many to pass over.

    Returns
    -------
    dict
        Kinds by name.

    Raises
    ------
    OSError
        The server does not give all of them, or as ``ask`` raises it.
    """
    found: dict[str, Kind] = {}
    last: Sequence[Entry] = ()
    offset = 0
    while (page := ask(PAGE, offset)) and not dict(page).keys() <= found.keys():
        found |= page
        offset += len(page)
        last = page
    if len(last) != PAGE or last[-1] in ask(1, offset - 1)[-1:]:
        return found
    limit = PAGE
    while len(page := ask(limit := 2 * limit, 0)) > len(found):
        found |= page
        if len(page) < limit:
            return found
    raise OSError(
        errno.EIO, f"the server gives {len(found)} results and no others; narrow the query down"
    )
