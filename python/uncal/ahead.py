"""Read ahead: a thread fetches what comes next while the caller works on what came."""

import threading
from collections.abc import Generator, Iterable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_END = object()


def ahead(items: Iterable[T], depth: int = 2) -> Generator[T, None, None]:
    """Give the same items in the same order, fetched by one thread that keeps at most `depth` of them waiting.

    What the fetching raises is raised here, in its turn. When the caller stops early, by an error or Ctrl-C too, the
    thread ends after the item that it is at.

    Examples
    --------
    >>> list(ahead(range(3)))
    [0, 1, 2]
    """
    # A Ctrl-C between two lines of Queue, which is written in Python, leaves its lock taken, and whoever wants it next
    # waits for ever. SimpleQueue is compiled and has no such moment; its length is bounded by a second one, of places.
    fetched: SimpleQueue[Any] = SimpleQueue()
    places: SimpleQueue[None] = SimpleQueue()
    stopped = False
    for _ in range(depth):
        places.put(None)

    def fetch() -> None:
        try:
            for item in items:
                places.get()
                if stopped:
                    return
                fetched.put((item, None))
        except BaseException as error:  # whatever it is, the caller shall have it
            fetched.put((_END, error))
        else:
            fetched.put((_END, None))
        finally:
            if isinstance(items, Generator):
                items.close()

    reader = threading.Thread(target=fetch, name="uncal-ahead", daemon=True)
    reader.start()
    try:
        while True:
            item, error = fetched.get()
            if error is not None:
                raise error
            if item is _END:
                return
            places.put(None)
            yield item
            del item  # or this frame would keep it while the caller is done with it
    finally:
        stopped = True
        places.put(None)  # the thread may wait for one
        reader.join()
