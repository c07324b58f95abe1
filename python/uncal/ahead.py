"""Read ahead: a thread fetches what comes next while the caller works on what came."""

import threading
from collections.abc import Generator, Iterable
from queue import Full, Queue
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
    waiting: Queue[Any] = Queue(depth)
    stop = threading.Event()

    def offer(item: object) -> bool:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except Full:
                continue
            return True
        return False

    def fetch() -> None:
        try:
            for item in items:
                if not offer((item, None)):
                    return
        except BaseException as error:  # whatever it is, the caller shall have it
            offer((_END, error))
        else:
            offer((_END, None))
        finally:
            if isinstance(items, Generator):
                items.close()

    reader = threading.Thread(target=fetch, name="uncal-ahead", daemon=True)
    reader.start()
    try:
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
            del item  # or this frame would keep it while the caller is done with it
    finally:
        stop.set()
        reader.join()
