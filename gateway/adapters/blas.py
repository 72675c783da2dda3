"""How many threads multiply matrices."""

import os


def multiply_with_one_thread() -> None:
    """Let numpy multiply with one thread, unless another number is wished; before it is loaded, when it reads that.

    A worker's products are small, and there is a worker for each core: threads that share one of them spend their time
    waiting for each other, tens of times what the product takes.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
